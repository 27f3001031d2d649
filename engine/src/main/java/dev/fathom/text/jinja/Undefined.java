package dev.fathom.text.jinja;

/** A value that is not there: empty when printed, looped over or tested, an error when used otherwise. */
record Undefined(String message) {
    static Undefined name(String name) {
        return new Undefined("'" + name + "' is undefined");
    }

    static Undefined attribute(Object of, Object name) {
        String owner = of instanceof None ? "None" : Types.name(of) + " object";
        return name instanceof String text
                ? new Undefined("'" + owner + "' has no attribute '" + text + "'")
                : new Undefined(owner + " has no element " + name);
    }
}
