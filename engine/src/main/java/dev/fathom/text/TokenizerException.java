package dev.fathom.text;

import org.jspecify.annotations.Nullable;

/** A tokenizer file that cannot be read or asks for something that is not supported; the message names the file. */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TokenizerException(String message) {
        this(message, null);
    }

    TokenizerException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
