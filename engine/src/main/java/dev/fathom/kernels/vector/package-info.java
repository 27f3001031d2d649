/** Rank 2: every operation on the Java Vector API, spread over a worker pool. */
@NullMarked
package dev.fathom.kernels.vector;

import org.jspecify.annotations.NullMarked;
