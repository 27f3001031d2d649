package dev.fathom.text;

import dev.fathom.text.jinja.JinjaException;

/** A chat template that cannot be read, or that fails on a chat; the message names the template, line and column. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int line;
    private final int column;
    private final boolean raisedByTemplate;
    private final String reason;

    TemplateException(String where, JinjaException cause) {
        super(where + ", line " + cause.line() + ", column " + cause.column() + ": " + cause.getMessage(), cause);
        this.line = cause.line();
        this.column = cause.column();
        this.raisedByTemplate = cause.isRaisedByTemplate();
        reason = cause.getMessage() == null ? "" : cause.getMessage();
    }

    /** A chat that a format without a template refuses. */
    TemplateException(String where, String reason) {
        super(where + ": " + reason);
        line = 0;
        column = 0;
        raisedByTemplate = true;
        this.reason = reason;
    }

    /** From 1; 0 where there is no template. */
    public int line() {
        return line;
    }

    /** From 1, in characters; 0 where there is no template. */
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
        return reason;
    }
}
