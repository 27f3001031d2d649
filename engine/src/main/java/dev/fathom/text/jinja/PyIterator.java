package dev.fathom.text.jinja;

import java.util.Iterator;

/**
 * What Python's generators and iterators are to a template: can be gone through once, always true, without length.
 *
 * @param typeName Python's name of it, for messages and printing
 */
record PyIterator(Iterator<Object> items, String typeName) {
    static PyIterator generator(Iterator<Object> items) {
        return new PyIterator(items, "generator");
    }
}
