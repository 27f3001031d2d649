package dev.fathom.kernels.cuda;

/** The driver refused a call. The message names the function and NVIDIA's name for the error. */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int code;

    CudaException(String message, int code) {
        super(message);
        this.code = code;
    }

    /** A CUresult. */
    int code() {
        return code;
    }
}
