/** Rank 2: operations in C, compiled on the machine they run on, for what the Java Vector API does not reach. */
@NullMarked
package dev.fathom.kernels.c;

import org.jspecify.annotations.NullMarked;
