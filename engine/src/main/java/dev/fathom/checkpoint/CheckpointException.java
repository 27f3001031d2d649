package dev.fathom.checkpoint;

/** A checkpoint cannot be used. The message names the file, what was found, what was wanted, and what to do. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
