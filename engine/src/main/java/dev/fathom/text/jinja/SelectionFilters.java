package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters that give one element after the other: map, select, reject, unique, batch, slice, items. */
final class SelectionFilters {
    /** What a new list costs beside its elements. */
    private static final int LIST_STEPS = 4;

    private SelectionFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("map", SelectionFilters::map);
        filters.put("select", (value, arguments) -> select(value, arguments, false, true));
        filters.put("reject", (value, arguments) -> select(value, arguments, false, false));
        filters.put("selectattr", (value, arguments) -> select(value, arguments, true, true));
        filters.put("rejectattr", (value, arguments) -> select(value, arguments, true, false));
        filters.put("unique", SelectionFilters::unique);
        filters.put("batch", SelectionFilters::batch);
        filters.put("slice", SelectionFilters::slice);
        filters.put("items", SelectionFilters::items);
    }

    /** Elements made on demand, as Python's generators are; an error comes when its element is asked for. */
    private abstract static class Generator implements Iterator<Object> {
        private final Execution execution;
        private @Nullable Object next;

        Generator(Execution execution) {
            this.execution = execution;
        }

        /** The next element, or null at the end. */
        abstract @Nullable Object produce();

        @Override
        public boolean hasNext() {
            if (next == null) {
                // Generators over generators call each other.
                execution.enter();
                next = produce();
                execution.leave();
            }
            return next != null;
        }

        @Override
        public Object next() {
            if (!hasNext() || next == null) {
                throw new NoSuchElementException();
            }
            Object item = next;
            next = null;
            return item;
        }
    }

    private static Object generator(
            Execution execution, Object value, Predicate<Object> kept, UnaryOperator<Object> made) {
        return PyIterator.generator(new Generator(execution) {
            private @Nullable Iterator<Object> items;

            @Override
            @Nullable
            Object produce() {
                Iterator<Object> left = items;
                if (left == null) {
                    left = Values.isTrue(value)
                            ? Values.iterator(execution, value)
                            : List.of().iterator();
                    items = left;
                }
                while (left.hasNext()) {
                    execution.charge(1);
                    Object item = left.next();
                    if (kept.test(item)) {
                        return made.apply(item);
                    }
                }
                return null;
            }
        });
    }

    private static Object map(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        UnaryOperator<Object> made;
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Arguments.Bound bound = arguments.bind("map", 0, "attribute", "default");
            made = Keys.attribute(execution, bound.required(0), false, bound.value(1, None.NONE));
        } else {
            if (arguments.positional().isEmpty()) {
                throw execution.error("map requires a filter argument");
            }
            String name = Printer.text(execution, arguments.positional().getFirst());
            Arguments rest = rest(arguments, 1);
            made = item -> Filters.apply(name, item, rest);
        }
        return generator(execution, value, item -> true, made);
    }

    private static Arguments rest(Arguments arguments, int from) {
        List<Object> positional = arguments.positional();
        return new Arguments(
                arguments.execution(), List.copyOf(positional.subList(from, positional.size())), arguments.named());
    }

    private static Object select(Object value, Arguments arguments, boolean byAttribute, boolean wanted) {
        Execution execution = arguments.execution();
        UnaryOperator<Object> key = UnaryOperator.identity();
        int at = 0;
        if (byAttribute) {
            if (arguments.positional().isEmpty()) {
                throw execution.error("Missing parameter for attribute name");
            }
            key = Keys.attribute(execution, arguments.positional().getFirst());
            at = 1;
        }
        UnaryOperator<Object> tested = key;
        if (arguments.positional().size() <= at) {
            return generator(
                    execution, value, item -> Values.isTrue(tested.apply(item)) == wanted, UnaryOperator.identity());
        }
        String test = Printer.text(execution, arguments.positional().get(at));
        Arguments rest = rest(arguments, at + 1);
        return generator(
                execution,
                value,
                item -> Tests.holds(test, tested.apply(item), rest) == wanted,
                UnaryOperator.identity());
    }

    private static Object unique(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
        UnaryOperator<Object> key =
                Keys.attribute(execution, bound.value(1, None.NONE), !bound.flag(0, false), None.NONE);
        Set<Object> seen = new HashSet<>();
        Iterator<Object> items = Values.iterator(execution, value);
        return PyIterator.generator(new Generator(execution) {
            @Override
            @Nullable
            Object produce() {
                while (items.hasNext()) {
                    execution.charge(1);
                    Object item = items.next();
                    if (seen.add(HashKeys.of(execution, key.apply(item)))) {
                        return item;
                    }
                }
                return null;
            }
        });
    }

    private static Object batch(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("batch", 1, "linecount", "fill_with");
        int size = bound.integer(0, 0);
        Iterator<Object> items = Values.iterator(execution, value);
        return PyIterator.generator(new Generator(execution) {
            @Override
            @Nullable
            Object produce() {
                List<Object> row = new ArrayList<>();
                while (items.hasNext() && (row.size() < size || size <= 0)) {
                    execution.charge(1);
                    row.add(items.next());
                }
                if (row.isEmpty()) {
                    return null;
                }
                while (bound.isSet(1) && row.size() < size) {
                    execution.charge(1);
                    row.add(bound.required(1));
                }
                execution.charge(LIST_STEPS);
                return PyList.list(row);
            }
        });
    }

    private static Object slice(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("slice", 1, "slices", "fill_with");
        int slices = bound.integer(0, 0);
        List<Object> all = Values.list(execution, value);
        if (slices == 0) {
            throw execution.error("integer division or modulo by zero");
        }
        return PyIterator.generator(new Generator(execution) {
            private int index;
            private int done;

            @Override
            @Nullable
            Object produce() {
                if (index >= slices) {
                    return null;
                }
                execution.charge(LIST_STEPS);
                boolean longer = index++ < all.size() % slices;
                int size = all.size() / slices + (longer ? 1 : 0);
                List<Object> part = new ArrayList<>(all.subList(done, done + size));
                done += size;
                if (bound.isSet(1) && !longer) {
                    part.add(bound.required(1));
                }
                return PyList.list(part);
            }
        });
    }

    private static Object items(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        arguments.bind("items", 0);
        if (value instanceof Undefined) {
            return PyIterator.generator(List.of().iterator());
        }
        if (!(value instanceof PyDict dict)) {
            throw execution.error("Can only get item pairs from a mapping.");
        }
        return PyIterator.generator(dict.items().iterator());
    }
}
