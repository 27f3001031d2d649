package dev.fathom.api;

import org.jspecify.annotations.Nullable;

/** A request cannot be served. The message is written for the person who sent it. */
public final class RequestException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final @Nullable String parameter;

    public RequestException(ErrorCode code, String message) {
        this(code, message, null);
    }

    /** @param parameter the offending field in the caller's vocabulary, or null */
    public RequestException(ErrorCode code, String message, @Nullable String parameter) {
        super(message);
        this.code = code;
        this.parameter = parameter;
    }

    /** Wraps a defect of ours; the cause is logged, the client sees the message only. */
    public RequestException(String message, Throwable cause) {
        super(message, cause);
        this.code = ErrorCode.INTERNAL;
        this.parameter = null;
    }

    /** SGLang's sentence, which clients match on. */
    public static RequestException promptTooLong(int tokens, int contextLength) {
        return new RequestException(
                ErrorCode.PROMPT_TOO_LONG,
                "The input (" + tokens + " tokens) is longer than the model's context length (" + contextLength
                        + " tokens).");
    }

    /** SGLang's sentence for prompt plus completion. */
    public static RequestException totalTooLong(int promptTokens, int maxNewTokens, int contextLength) {
        return new RequestException(
                ErrorCode.PROMPT_TOO_LONG,
                "Requested token count exceeds the model's maximum context length of " + contextLength
                        + " tokens. You requested a total of " + ((long) promptTokens + maxNewTokens) + " tokens: "
                        + promptTokens + " tokens from the input messages and " + maxNewTokens
                        + " tokens for the completion. Please reduce the number of tokens in the input messages or the"
                        + " completion to fit within the limit.");
    }

    public static RequestException queueFull() {
        return new RequestException(ErrorCode.QUEUE_FULL, "The request queue is full.");
    }

    public static RequestException invalid(String parameter, String message) {
        return new RequestException(ErrorCode.INVALID_REQUEST, message, parameter);
    }

    public static RequestException notSupported(String parameter, String message) {
        return new RequestException(ErrorCode.NOT_SUPPORTED, message, parameter);
    }

    public ErrorCode code() {
        return code;
    }

    public @Nullable String parameter() {
        return parameter;
    }
}
