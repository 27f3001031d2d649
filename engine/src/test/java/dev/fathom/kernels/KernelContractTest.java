package dev.fathom.kernels;

/**
 * Everything {@link KernelBackend} promises, run against each backend by a class that only extends this one. The parts are
 * in the classes above it: linear maps, operations on rows, attention, experts and routing, GGUF's block formats, INT8, choosing tokens.
 */
public abstract class KernelContractTest extends ChoiceContract {}
