package dev.fathom.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Forms of values that are equal in Java when the values are equal in Python, for use as keys of a map. */
final class HashKeys {
    private HashKeys() {}

    static Object of(Execution execution, Object value) {
        return switch (value) {
            case String text -> text;
            case Long number -> number;
            case Boolean flag -> flag ? 1L : 0L;
            case Double number -> number(number);
            case SafeText safe -> safe.text();
            case PyList list -> sequence(execution, list);
            case PyDict dict -> throw execution.error("unhashable type: 'dict'");
            case DictView view -> throw execution.error("unhashable type: '" + Types.name(view) + "'");
            case Undefined undefined -> Undefined.class;
            case PyRange range -> List.of("range", range.size(), range.size() > 0 ? range.get(0) : 0, range.step());
            case None none -> none;
            case BigInteger number -> number;
            default -> new Identity(value);
        };
    }

    /** Equal to itself only, as objects without a value of their own are. */
    private static final class Identity {
        private final Object object;

        Identity(Object object) {
            this.object = object;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Identity identity && Types.identical(identity.object, object);
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(object);
        }
    }

    private static Object sequence(Execution execution, PyList list) {
        if (!list.tuple()) {
            throw execution.error("unhashable type: 'list'");
        }
        execution.enter();
        execution.charge(4);
        List<Object> keys = new ArrayList<>();
        for (Object item : list.items()) {
            execution.charge(1);
            keys.add(of(execution, item));
        }
        execution.leave();
        return keys;
    }

    private static Object number(double value) {
        boolean whole = value == Math.rint(value) && !Double.isInfinite(value);
        if (!whole) {
            return value;
        }
        BigInteger exact = new BigDecimal(value).toBigInteger();
        return Numbers.compact(exact);
    }
}
