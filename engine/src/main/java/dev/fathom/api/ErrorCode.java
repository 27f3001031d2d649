package dev.fathom.api;

/** Why a request was not answered, with the HTTP status that says the same. */
public enum ErrorCode {
    /** A field is missing, has the wrong type, or a value outside its range. */
    INVALID_REQUEST(400),
    /** Prompt, or prompt plus requested tokens, exceeds the context length. */
    PROMPT_TOO_LONG(400),
    /** The API key is missing or wrong. */
    UNAUTHORIZED(401),
    /** The model or object that was named does not exist. */
    NOT_FOUND(404),
    /** The field or feature is known but not served by this build. */
    NOT_SUPPORTED(400),
    /** The waiting queue is at {@code --max-queued-requests}. */
    QUEUE_FULL(503),
    /** The server is starting or shutting down. */
    UNAVAILABLE(503),
    /** The request was aborted, by its client or by an operator. */
    ABORTED(499),
    /** A defect of ours: the request failed, the server goes on. */
    INTERNAL(500);

    private final int httpStatus;

    ErrorCode(int httpStatus) {
        this.httpStatus = httpStatus;
    }

    public int httpStatus() {
        return httpStatus;
    }
}
