package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code value[index]} and {@code value[start:stop:step]}. */
final class Subscripts {
    private Subscripts() {}

    /** The element, or null where Python raises an error that Jinja turns into an undefined value. */
    static @Nullable Object item(Execution execution, Object owner, Object index) {
        return switch (owner) {
            case Undefined undefined -> throw execution.error(undefined.message());
            case PyDict dict -> isHashable(index) ? dict.get(execution, index) : null;
            case PyList list -> {
                int at = position(index, list.size());
                yield at < 0 ? null : list.items().get(at);
            }
            case PyRange range -> {
                int at = position(index, range.size());
                yield at < 0 ? null : (Object) range.get(at);
            }
            case String text -> character(execution, text, index);
            case SafeText safe -> character(execution, safe.text(), index);
            default -> null;
        };
    }

    private static boolean isHashable(Object index) {
        return switch (index) {
            case PyDict dict -> false;
            case PyList list -> list.tuple() && list.items().stream().allMatch(Subscripts::isHashable);
            default -> true;
        };
    }

    private static @Nullable Object character(Execution execution, String text, Object index) {
        execution.chargeText(text.length());
        int at = position(index, PyText.length(text));
        return at < 0 ? null : Character.toString(text.codePointAt(PyText.offset(text, at)));
    }

    /** The index counted from 0, or -1 if it is out of range or no int. */
    private static int position(Object index, int size) {
        Long given = Types.integerOrNull(index);
        if (given == null) {
            return -1;
        }
        long at = given < 0 ? given + size : given;
        return at >= 0 && at < size ? (int) at : -1;
    }

    /** The slice; unlike an index, a slice of what cannot be sliced is an error. */
    static Object slice(Execution execution, Object owner, Object start, Object stop, Object step) {
        if (owner instanceof Undefined undefined) {
            throw execution.error(undefined.message());
        }
        String text = Types.textOrNull(owner);
        boolean sliceable = text != null || owner instanceof PyList || owner instanceof PyRange;
        if (owner instanceof PyDict) {
            throw execution.error("unhashable type: 'slice'");
        }
        if (!sliceable) {
            throw execution.error("'" + Types.name(owner) + "' object is not subscriptable");
        }
        if (!isBound(start) || !isBound(stop) || !isBound(step)) {
            throw execution.error("slice indices must be integers or None");
        }
        if (text != null) {
            execution.chargeText(text.length());
        }
        int size = text != null ? PyText.length(text) : Values.length(execution, owner);
        long stride = bound(step, 1);
        if (stride == 0) {
            throw execution.error("slice step cannot be zero");
        }
        boolean forward = stride > 0;
        long from = place(start, size, forward ? 0 : size - 1, forward);
        long to = place(stop, size, forward ? size : -1, forward);
        if (text != null) {
            return sliced(execution, owner, text, from, to, stride);
        }
        List<Object> items = new ArrayList<>();
        List<Object> all = Values.list(execution, owner);
        for (long at = from; forward ? at < to : at > to; at += stride) {
            execution.charge(1);
            items.add(all.get((int) at));
            if (Math.abs(stride) > size) {
                break;
            }
        }
        if (owner instanceof PyRange range) {
            return slicedRange(range, from, to, stride);
        }
        return new PyList(items, ((PyList) owner).tuple());
    }

    private static Object slicedRange(PyRange range, long from, long to, long stride) {
        long step = Math.clamp(stride, -PyRange.MAX_SIZE, PyRange.MAX_SIZE) * range.step();
        return new PyRange(range.start() + from * range.step(), range.start() + to * range.step(), step);
    }

    private static Object sliced(Execution execution, Object owner, String text, long from, long to, long stride) {
        StringBuilder out = new StringBuilder();
        if (stride == 1) {
            if (from < to) {
                int begin = PyText.offset(text, (int) from);
                out.append(text, begin, text.offsetByCodePoints(begin, (int) (to - from)));
            }
        } else {
            int[] characters = text.codePoints().toArray();
            for (long at = from; stride > 0 ? at < to : at > to; at += stride) {
                out.appendCodePoint(characters[(int) at]);
                if (Math.abs(stride) > characters.length) {
                    break;
                }
            }
        }
        String slice = execution.text(out.toString());
        return owner instanceof SafeText ? new SafeText(slice) : slice;
    }

    private static boolean isBound(Object value) {
        return value == None.NONE || Types.isInteger(value);
    }

    private static long bound(Object value, long absent) {
        Long number = Types.integerOrNull(value);
        return number == null ? absent : Math.clamp(number, -(1L << 40), 1L << 40);
    }

    private static long place(Object value, int size, long absent, boolean forward) {
        if (value == None.NONE) {
            return absent;
        }
        long at = bound(value, 0);
        at = at < 0 ? at + size : at;
        return Math.clamp(at, forward ? 0 : -1, forward ? size : size - 1);
    }
}
