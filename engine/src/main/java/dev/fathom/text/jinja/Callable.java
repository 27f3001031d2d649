package dev.fathom.text.jinja;

/** What a template can call. */
interface Callable {
    Object call(Arguments arguments);

    /** As Python prints it; the address that Python prints is left out. */
    default String described() {
        return "<function>";
    }
}
