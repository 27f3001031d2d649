package dev.fathom.text.jinja;

import java.util.HashMap;
import java.util.Map;

/** The filters by name. */
final class Filters {
    /** What a filter does; the arguments are those in its brackets. */
    interface Filter {
        Object apply(Object value, Arguments arguments);
    }

    private static final Map<String, Filter> FILTERS = filters();

    private Filters() {}

    private static Map<String, Filter> filters() {
        Map<String, Filter> filters = new HashMap<>();
        TextFilters.register(filters);
        NumberFilters.register(filters);
        SequenceFilters.register(filters);
        SelectionFilters.register(filters);
        return Map.copyOf(filters);
    }

    static boolean exists(String name) {
        return FILTERS.containsKey(name);
    }

    static Object apply(String name, Object value, Arguments arguments) {
        Filter filter = FILTERS.get(name);
        if (filter == null) {
            throw arguments.execution().error("No filter named '" + name + "'.");
        }
        arguments.execution().charge(1);
        return filter.apply(value, arguments);
    }
}
