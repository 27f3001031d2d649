package dev.fathom.text;

import dev.fathom.text.jinja.JinjaException;

/** A chat template that cannot be read, or that fails on a chat; the message names the template, line and column. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int line;
    private final int column;
    private final boolean raisedByTemplate;

    TemplateException(String where, JinjaException cause) {
        super(where + ", line " + cause.line() + ", column " + cause.column() + ": " + cause.getMessage(), cause);
        this.line = cause.line();
        this.column = cause.column();
        this.raisedByTemplate = cause.isRaisedByTemplate();
    }

    /** From 1. */
    public int line() {
        return line;
    }

    /** From 1, in characters. */
    public int column() {
        return column;
    }

    /**
     * Whether the template refused the chat itself, by {@code raise_exception}: then the sender is to hear
     * {@link #reason}.
     */
    public boolean isRaisedByTemplate() {
        return raisedByTemplate;
    }

    /** The message without the place. */
    public String reason() {
        Throwable cause = getCause();
        String reason = cause == null ? null : cause.getMessage();
        return reason == null ? "" : reason;
    }
}
