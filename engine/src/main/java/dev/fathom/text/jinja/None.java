package dev.fathom.text.jinja;

/** Python's None. */
enum None {
    NONE
}
