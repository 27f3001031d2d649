package dev.fathom.kernels.cuda;

/**
 * A kernel in a loaded module.
 *
 * @param function  the driver's CUfunction
 */
record Kernel(String name, long function) {}
