package dev.fathom.text.jinja;

/**
 * One token of a template.
 *
 * @param text     for names, operators and data the text; for literals their source
 * @param value    for literals the value, else the text
 * @param position the index of its first character
 */
record Token(Kind kind, String text, Object value, int position) {
    enum Kind {
        DATA,
        VARIABLE_BEGIN,
        VARIABLE_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    /** For messages. */
    String described() {
        return switch (kind) {
            case DATA -> "template text";
            case VARIABLE_BEGIN -> "begin of print statement";
            case VARIABLE_END -> "end of print statement";
            case BLOCK_BEGIN -> "begin of statement block";
            case BLOCK_END -> "end of statement block";
            case END -> "end of template";
            default -> "'" + text + "'";
        };
    }
}
