package dev.fathom.text.jinja;

import java.util.List;

/** What {@code keys()}, {@code values()} and {@code items()} of a dict give. */
record DictView(PyDict dict, Kind kind) {
    enum Kind {
        KEYS,
        VALUES,
        ITEMS
    }

    List<Object> list() {
        return switch (kind) {
            case KEYS -> dict.keys();
            case VALUES -> dict.values();
            case ITEMS -> dict.items();
        };
    }
}
