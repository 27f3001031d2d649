package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** What filters sort, group and select by: an attribute given as {@code 'a.b.0'}, case aside if wanted. */
final class Keys {
    private Keys() {}

    /** The elements themselves if the attribute is None. */
    static UnaryOperator<Object> attribute(Execution execution, Object attribute) {
        return attribute(execution, attribute, false, None.NONE);
    }

    /** @param absent stands for what is undefined, unless it is None */
    static UnaryOperator<Object> attribute(Execution execution, Object attribute, boolean ignoreCase, Object absent) {
        List<Object> parts = parts(execution, attribute);
        return item -> {
            Object value = walk(execution, item, parts, absent);
            return ignoreCase ? lower(value) : value;
        };
    }

    /** Several attributes with commas between make a list. */
    static UnaryOperator<Object> attributes(Execution execution, Object attribute, boolean ignoreCase) {
        List<List<Object>> all = new ArrayList<>();
        String text = Types.textOrNull(attribute);
        if (text == null) {
            all.add(parts(execution, attribute));
        } else {
            for (String each : text.split(",", -1)) {
                all.add(parts(execution, each));
            }
        }
        return item -> {
            List<Object> key = new ArrayList<>(all.size());
            for (List<Object> parts : all) {
                Object value = walk(execution, item, parts, None.NONE);
                key.add(ignoreCase ? lower(value) : value);
            }
            return PyList.list(key);
        };
    }

    private static List<Object> parts(Execution execution, Object attribute) {
        if (attribute == None.NONE) {
            return List.of();
        }
        String text = Types.textOrNull(attribute);
        if (text == null) {
            return List.of(attribute);
        }
        List<Object> parts = new ArrayList<>();
        for (String part : text.split("\\.", -1)) {
            execution.charge(1);
            parts.add(part.matches("[0-9]{1,9}") ? (Object) Long.valueOf(part) : part);
        }
        return parts;
    }

    private static Object walk(Execution execution, Object item, List<Object> parts, Object absent) {
        Object value = item;
        for (Object part : parts) {
            execution.charge(1);
            value = Attributes.subscripted(execution, value, part);
            if (value instanceof Undefined && absent != None.NONE) {
                value = absent;
            }
        }
        return value;
    }

    static Object lower(Object value) {
        String text = Types.textOrNull(value);
        return text == null ? value : PyText.lower(text);
    }

    /** Sorted by key, equal ones in their order. Merging by hand: an order that contradicts itself must not throw. */
    static List<Object> sorted(Execution execution, List<Object> items, UnaryOperator<Object> key, boolean reverse) {
        record Keyed(Object key, Object item) {}
        List<Keyed> all = new ArrayList<>(items.size());
        for (Object item : items) {
            all.add(new Keyed(key.apply(item), item));
        }
        Keyed[] from = all.toArray(Keyed[]::new);
        for (int width = 1; width < from.length; width *= 2) {
            Keyed[] to = new Keyed[from.length];
            for (int start = 0; start < from.length; start += 2 * width) {
                int middle = Math.min(start + width, from.length);
                int end = Math.min(start + 2 * width, from.length);
                int left = start;
                int right = middle;
                for (int at = start; at < end; at++) {
                    boolean takeRight = left == middle
                            || (right < end && precedes(execution, from[right].key(), from[left].key(), reverse));
                    to[at] = takeRight ? from[right++] : from[left++];
                }
            }
            from = to;
        }
        List<Object> sorted = new ArrayList<>(from.length);
        for (Keyed each : from) {
            sorted.add(each.item());
        }
        return sorted;
    }

    /** Whether the right one has to go first; of equals the left one does. */
    private static boolean precedes(Execution execution, Object right, Object left, boolean reverse) {
        return reverse
                ? Operators.compare(execution, "<", left, right)
                : Operators.compare(execution, "<", right, left);
    }
}
