/** Rank 1: every operation a model may call, and what the operations work on. Backends live in sub-packages. */
@NullMarked
package dev.fathom.kernels;

import org.jspecify.annotations.NullMarked;
