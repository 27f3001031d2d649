/** Rank 2: every operation in plain loops with double accumulation; the specification the other backends are held to. */
@NullMarked
package dev.fathom.kernels.scalar;

import org.jspecify.annotations.NullMarked;
