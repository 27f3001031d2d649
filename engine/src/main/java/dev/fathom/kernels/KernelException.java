package dev.fathom.kernels;

/** Compiled kernels cannot be had. The message is one sentence that says why, and what would help. */
public final class KernelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public KernelException(String message) {
        super(message);
    }

    public KernelException(String message, Throwable cause) {
        super(message, cause);
    }
}
