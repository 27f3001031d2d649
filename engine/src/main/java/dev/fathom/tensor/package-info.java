/** Rank 0: views over off-heap memory, weight formats and their codecs, step scratch. */
@NullMarked
package dev.fathom.tensor;

import org.jspecify.annotations.NullMarked;
