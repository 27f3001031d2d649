package dev.fathom.text.jinja;

/** A method of a value, such as {@code text.strip}. */
record BoundMethod(String name, Object owner, Callable body) implements Callable {
    @Override
    public Object call(Arguments arguments) {
        return body.call(arguments);
    }

    @Override
    public String described() {
        return "<built-in method " + name + " of " + Types.name(owner) + " object>";
    }
}
