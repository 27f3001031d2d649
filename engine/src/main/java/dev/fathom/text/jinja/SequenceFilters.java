package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters on lists and dicts as a whole: order, length, joining, grouping. */
final class SequenceFilters {
    private SequenceFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("length", SequenceFilters::length);
        filters.put("count", SequenceFilters::length);
        filters.put("list", (value, arguments) -> {
            arguments.bind("list", 0);
            return PyList.list(List.copyOf(Values.list(arguments.execution(), value)));
        });
        filters.put("first", SequenceFilters::first);
        filters.put("last", SequenceFilters::last);
        filters.put("join", SequenceFilters::join);
        filters.put("reverse", SequenceFilters::reverse);
        filters.put("sort", SequenceFilters::sort);
        filters.put("dictsort", SequenceFilters::dictSort);
        filters.put("min", (value, arguments) -> extreme(value, arguments, "min"));
        filters.put("max", (value, arguments) -> extreme(value, arguments, "max"));
        filters.put("sum", SequenceFilters::sum);
        filters.put("groupby", SequenceFilters::groupBy);
        filters.put("default", SequenceFilters::defaulted);
        filters.put("d", SequenceFilters::defaulted);
        filters.put("attr", SequenceFilters::attribute);
    }

    private static Object length(Object value, Arguments arguments) {
        arguments.bind("length", 0);
        return (long) Values.length(arguments.execution(), value);
    }

    private static Object first(Object value, Arguments arguments) {
        arguments.bind("first", 0);
        Iterator<Object> items = Values.iterator(arguments.execution(), value);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private static Object last(Object value, Arguments arguments) {
        arguments.bind("last", 0);
        if (value instanceof PyIterator iterator) {
            throw arguments.execution().error("'" + iterator.typeName() + "' object is not reversible");
        }
        List<Object> items = Values.list(arguments.execution(), value);
        return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
    }

    private static Object join(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("join", 0, "d", "attribute");
        String separator = Printer.text(execution, bound.value(0, ""));
        UnaryOperator<Object> key = Keys.attribute(execution, bound.value(1, None.NONE));
        StringBuilder out = new StringBuilder();
        Iterator<Object> items = Values.iterator(execution, value);
        for (int i = 0; items.hasNext(); i++) {
            String item = Printer.text(execution, key.apply(items.next()));
            execution.chargeText((long) separator.length() + item.length());
            out.append(i == 0 ? "" : separator).append(item);
        }
        return out.toString();
    }

    private static Object reverse(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        arguments.bind("reverse", 0);
        String text = Types.textOrNull(value);
        if (text != null) {
            String reversed = PyText.reversed(execution.text(text));
            return value instanceof SafeText ? new SafeText(reversed) : reversed;
        }
        if (Values.iteratorOrNull(execution, value) == null) {
            throw execution.error("argument must be iterable");
        }
        List<Object> items = new ArrayList<>(Values.list(execution, value));
        execution.charge(items.size());
        Collections.reverse(items);
        if (value instanceof PyIterator) {
            return PyList.list(items);
        }
        return new PyIterator(
                items.iterator(), value instanceof PyList list && !list.tuple() ? "list_reverseiterator" : "reversed");
    }

    private static Object sort(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
        UnaryOperator<Object> key = Keys.attributes(execution, bound.value(2, None.NONE), !bound.flag(1, false));
        return PyList.list(Keys.sorted(execution, Values.list(execution, value), key, bound.flag(0, false)));
    }

    private static Object dictSort(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
        if (!(value instanceof PyDict dict)) {
            throw execution.error("dictsort needs a dict, not " + Types.name(value));
        }
        String by = bound.text(1, "key");
        if (!by.equals("key") && !by.equals("value")) {
            throw execution.error("You can only sort by either \"key\" or \"value\"");
        }
        boolean ignoreCase = !bound.flag(0, false);
        UnaryOperator<Object> key = pair -> {
            Object part = ((PyList) pair).items().get(by.equals("key") ? 0 : 1);
            return ignoreCase ? Keys.lower(part) : part;
        };
        return PyList.list(Keys.sorted(execution, dict.items(), key, bound.flag(2, false)));
    }

    private static Object extreme(Object value, Arguments arguments, String name) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind(name, 0, "case_sensitive", "attribute");
        UnaryOperator<Object> key =
                Keys.attribute(execution, bound.value(1, None.NONE), !bound.flag(0, false), None.NONE);
        Iterator<Object> items = Values.iterator(execution, value);
        if (!items.hasNext()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        Object best = items.next();
        Object bestKey = key.apply(best);
        while (items.hasNext()) {
            Object item = items.next();
            Object itemKey = key.apply(item);
            if (Operators.compare(execution, name.equals("min") ? "<" : ">", itemKey, bestKey)) {
                best = item;
                bestKey = itemKey;
            }
        }
        return best;
    }

    private static Object sum(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("sum", 0, "attribute", "start");
        UnaryOperator<Object> key = Keys.attribute(execution, bound.value(0, None.NONE));
        Object start = bound.value(1, 0L);
        if (Types.isText(start)) {
            throw execution.error("sum() can't sum strings [use ''.join(seq) instead]");
        }
        List<Object> items = new ArrayList<>();
        Values.list(execution, value).forEach(item -> items.add(key.apply(item)));
        return Operators.sum(execution, items.iterator(), start);
    }

    private static Object groupBy(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
        Object absent = bound.value(1, None.NONE);
        boolean ignoreCase = !bound.flag(2, false);
        UnaryOperator<Object> key = Keys.attribute(execution, bound.required(0), ignoreCase, absent);
        UnaryOperator<Object> real = Keys.attribute(execution, bound.required(0), false, absent);
        List<Object> groups = new ArrayList<>();
        List<Object> members = new ArrayList<>();
        Object current = None.NONE;
        for (Object item : Keys.sorted(execution, Values.list(execution, value), key, false)) {
            Object itemKey = key.apply(item);
            if (!members.isEmpty() && !Values.equal(execution, itemKey, current)) {
                groups.add(group(members, real));
                members = new ArrayList<>();
            }
            current = itemKey;
            members.add(item);
        }
        if (!members.isEmpty()) {
            groups.add(group(members, real));
        }
        return PyList.list(groups);
    }

    private static Object group(List<Object> members, UnaryOperator<Object> key) {
        return PyList.tuple(key.apply(members.getFirst()), PyList.list(members));
    }

    private static Object defaulted(Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("default", 0, "default_value", "boolean");
        boolean absent = value instanceof Undefined || (bound.flag(1, false) && !Values.isTrue(value));
        return absent ? bound.value(0, "") : value;
    }

    private static Object attribute(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        String name = arguments.bind("attr", 1, "name").text(0, "");
        Operators.refuseUndefined(execution, value);
        Object attribute = Attributes.attribute(execution, value, name);
        return attribute == null ? Undefined.attribute(value, name) : attribute;
    }
}
