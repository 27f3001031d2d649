/** Rank 2: every operation on an NVIDIA GPU, in CUDA C++ compiled at the first start and called through the driver. */
@NullMarked
package dev.fathom.kernels.cuda;

import org.jspecify.annotations.NullMarked;
