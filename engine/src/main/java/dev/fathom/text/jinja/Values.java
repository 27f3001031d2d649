package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Truth, equality, order, length, membership and iteration, by Python's rules. */
final class Values {
    private Values() {}

    static boolean isTrue(Object value) {
        return switch (value) {
            case Boolean flag -> flag;
            case None none -> false;
            case Undefined undefined -> false;
            case Long number -> number != 0;
            case BigInteger number -> number.signum() != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case SafeText safe -> !safe.text().isEmpty();
            case PyList list -> list.size() > 0;
            case PyDict dict -> dict.size() > 0;
            case PyRange range -> range.size() > 0;
            case DictView view -> view.dict().size() > 0;
            case LoopContext loop -> loop.length() > 0;
            default -> true;
        };
    }

    static boolean equal(Execution execution, Object left, Object right) {
        execution.charge(1);
        if (Types.isNumber(left) && Types.isNumber(right)) {
            return !Numbers.isNan(left) && !Numbers.isNan(right) && Numbers.compare(left, right) == 0;
        }
        String text = Types.textOrNull(left);
        if (text != null) {
            return text.equals(Types.textOrNull(right));
        }
        return switch (left) {
            case PyList list ->
                right instanceof PyList other && list.tuple() == other.tuple() && equal(execution, list, other);
            case PyDict dict -> right instanceof PyDict other && equal(execution, dict, other);
            case Undefined undefined -> right instanceof Undefined;
            case PyRange range ->
                right instanceof PyRange && HashKeys.of(execution, left).equals(HashKeys.of(execution, right));
            case DictView view ->
                right instanceof DictView other
                        && view.kind() != DictView.Kind.VALUES
                        && other.kind() == view.kind()
                        && equal(execution, view, other);
            default -> Types.identical(left, right);
        };
    }

    private static boolean equal(Execution execution, PyList left, PyList right) {
        if (Types.identical(left, right)) {
            return true;
        }
        if (left.size() != right.size()) {
            return false;
        }
        execution.enter();
        boolean equal = true;
        for (int i = 0; equal && i < left.size(); i++) {
            equal = same(execution, left.items().get(i), right.items().get(i));
        }
        execution.leave();
        return equal;
    }

    private static boolean equal(Execution execution, PyDict left, PyDict right) {
        if (left.size() != right.size()) {
            return false;
        }
        execution.enter();
        boolean equal = true;
        List<Object> keys = left.keys();
        List<Object> values = left.values();
        for (int i = 0; equal && i < keys.size(); i++) {
            Object other = right.get(execution, keys.get(i));
            equal = other != null && same(execution, values.get(i), other);
        }
        execution.leave();
        return equal;
    }

    private static boolean equal(Execution execution, DictView left, DictView right) {
        if (left.dict().size() != right.dict().size()) {
            return false;
        }
        for (Object item : left.list()) {
            if (!contains(execution, right, item)) {
                return false;
            }
        }
        return true;
    }

    /** Within containers Python takes identical values for equal. */
    private static boolean same(Execution execution, Object left, Object right) {
        return Types.identical(left, right) || equal(execution, left, right);
    }

    /** The order of two values: negative, zero or positive; NaN is told by {@link Operators}. */
    static int compare(Execution execution, String operator, Object left, Object right) {
        execution.charge(1);
        if (Types.isNumber(left) && Types.isNumber(right)) {
            return Numbers.compare(left, right);
        }
        String a = Types.textOrNull(left);
        String b = Types.textOrNull(right);
        if (a != null && b != null) {
            execution.chargeText(Math.min(a.length(), b.length()));
            return compare(a, b);
        }
        if (left instanceof PyList x && right instanceof PyList y && x.tuple() == y.tuple()) {
            return compare(execution, operator, x, y);
        }
        if (left instanceof Undefined undefined) {
            throw execution.error(undefined.message());
        }
        if (right instanceof Undefined undefined) {
            throw execution.error(undefined.message());
        }
        throw execution.error("'" + operator + "' not supported between instances of '" + Types.name(left) + "' and '"
                + Types.name(right) + "'");
    }

    /** By code points, which differs from the order of UTF-16. */
    private static int compare(String a, String b) {
        int at = 0;
        while (at < a.length() && at < b.length() && a.charAt(at) == b.charAt(at)) {
            at++;
        }
        if (at == a.length() || at == b.length()) {
            return Integer.compare(a.length(), b.length());
        }
        boolean splitPair =
                at > 0 && Character.isLowSurrogate(a.charAt(at)) && Character.isHighSurrogate(a.charAt(at - 1));
        int from = splitPair ? at - 1 : at;
        return Integer.compare(a.codePointAt(from), b.codePointAt(from));
    }

    private static int compare(Execution execution, String operator, PyList left, PyList right) {
        execution.enter();
        int order = Integer.compare(left.size(), right.size());
        for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
            Object a = left.items().get(i);
            Object b = right.items().get(i);
            if (!same(execution, a, b)) {
                order = compare(execution, operator, a, b);
                break;
            }
        }
        execution.leave();
        return order;
    }

    static boolean contains(Execution execution, Object container, Object value) {
        String text = Types.textOrNull(container);
        if (text != null) {
            String part = Types.textOrNull(value);
            if (part == null) {
                throw execution.error("'in <string>' requires string as left operand, not " + Types.name(value));
            }
            execution.chargeText(text.length());
            return text.contains(part);
        }
        if (container instanceof PyDict dict) {
            return dict.get(execution, value) != null;
        }
        if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
            return view.dict().get(execution, value) != null;
        }
        Iterator<Object> items = iteratorOrNull(execution, container);
        if (items == null) {
            throw execution.error("argument of type '" + Types.name(container) + "' is not iterable");
        }
        while (items.hasNext()) {
            if (same(execution, items.next(), value)) {
                return true;
            }
        }
        return false;
    }

    /** The length, or -1 for a value that has none. */
    static int lengthOrNone(Object value) {
        return switch (value) {
            case String text -> PyText.length(text);
            case SafeText safe -> PyText.length(safe.text());
            case PyList list -> list.size();
            case PyDict dict -> dict.size();
            case PyRange range -> range.size();
            case DictView view -> view.dict().size();
            case Undefined undefined -> 0;
            case LoopContext loop -> loop.length();
            default -> -1;
        };
    }

    static int length(Execution execution, Object value) {
        String text = Types.textOrNull(value);
        if (text != null) {
            execution.chargeText(text.length());
        }
        int length = lengthOrNone(value);
        if (length < 0) {
            throw execution.error("object of type '" + Types.name(value) + "' has no len()");
        }
        return length;
    }

    static Iterator<Object> iterator(Execution execution, Object value) {
        Iterator<Object> items = iteratorOrNull(execution, value);
        if (items == null) {
            throw execution.error("'" + Types.name(value) + "' object is not iterable");
        }
        return items;
    }

    /** The elements in turn; null for a value that cannot be iterated. */
    static @Nullable Iterator<Object> iteratorOrNull(Execution execution, Object value) {
        return switch (value) {
            case PyList list -> list.items().iterator();
            case PyDict dict -> dict.keys().iterator();
            case DictView view -> view.list().iterator();
            case PyIterator iterator -> iterator.items();
            case PyRange range -> list(range).iterator();
            case Undefined undefined -> List.<Object>of().iterator();
            case String text -> characters(execution, text).iterator();
            case SafeText safe -> characters(execution, safe.text()).iterator();
            case LoopContext loop -> loop.rest();
            default -> null;
        };
    }

    /** All elements; for a list its own, not to be changed. */
    static List<Object> list(Execution execution, Object value) {
        if (value instanceof PyList list) {
            return list.items();
        }
        List<Object> items = new ArrayList<>();
        Iterator<Object> iterator = iterator(execution, value);
        while (iterator.hasNext()) {
            execution.charge(1);
            items.add(iterator.next());
        }
        return items;
    }

    private static List<Object> list(PyRange range) {
        List<Object> items = new ArrayList<>(range.size());
        for (int i = 0; i < range.size(); i++) {
            items.add(range.get(i));
        }
        return items;
    }

    static List<Object> characters(Execution execution, String text) {
        execution.charge(text.length());
        List<Object> characters = new ArrayList<>(text.length());
        text.codePoints().forEach(c -> characters.add(Character.toString(c)));
        return characters;
    }
}
