package dev.fathom.text.jinja;

/** A template that cannot be read, or whose rendering failed; says where in the template. */
public final class JinjaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int line;
    private final int column;
    private final boolean raisedByTemplate;

    private JinjaException(String message, int line, int column, boolean raisedByTemplate) {
        super(message);
        this.line = line;
        this.column = column;
        this.raisedByTemplate = raisedByTemplate;
    }

    /** @param position the index in the template's text, line ends already {@code \n} */
    static JinjaException at(String source, int position, String message) {
        return create(source, position, message, false);
    }

    /** What a template asked for by {@code raise_exception}. */
    static JinjaException raised(String source, int position, String message) {
        return create(source, position, message, true);
    }

    private static JinjaException create(String source, int position, String message, boolean raised) {
        int end = Math.min(position, source.length());
        int line = 1;
        int lineStart = 0;
        for (int i = 0; i < end; i++) {
            if (source.charAt(i) == '\n') {
                line++;
                lineStart = i + 1;
            }
        }
        return new JinjaException(message, line, end - lineStart + 1, raised);
    }

    /** From 1. */
    public int line() {
        return line;
    }

    /** From 1, in characters. */
    public int column() {
        return column;
    }

    /** Whether the template itself refused its input by {@code raise_exception}; the message is then the template's. */
    public boolean isRaisedByTemplate() {
        return raisedByTemplate;
    }
}
