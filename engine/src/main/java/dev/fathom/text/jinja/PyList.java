package dev.fathom.text.jinja;

import java.util.List;

/** A list or a tuple; neither can be changed by a template. */
record PyList(List<Object> items, boolean tuple) {
    static PyList list(List<Object> items) {
        return new PyList(items, false);
    }

    static PyList tuple(Object... items) {
        return new PyList(List.of(items), true);
    }

    int size() {
        return items.size();
    }
}
