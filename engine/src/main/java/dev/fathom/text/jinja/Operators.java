package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Arithmetic and comparison of values of any type. */
final class Operators {
    private Operators() {}

    static Object arithmetic(Execution execution, String operator, Object left, Object right) {
        // Python lets the left side speak first: a string formats even an undefined value.
        if (operator.equals("%") && Types.isText(left)) {
            refuseSafe(execution, left, operator);
            return PercentFormat.apply(execution, (String) left, right);
        }
        refuseUndefined(execution, left);
        refuseUndefined(execution, right);
        if (Types.isNumber(left) && Types.isNumber(right)) {
            return Numbers.apply(execution, operator, left, right);
        }
        if (operator.equals("+")) {
            if (Types.isText(left) && Types.isText(right)) {
                return concat(execution, left, right);
            }
            if (left instanceof PyList a && right instanceof PyList b && a.tuple() == b.tuple()) {
                execution.charge((long) a.size() + b.size());
                List<Object> items = new ArrayList<>(a.items());
                items.addAll(b.items());
                return new PyList(items, a.tuple());
            }
        }
        if (operator.equals("*") && (Types.isInteger(left) || Types.isInteger(right))) {
            Object sequence = Types.isInteger(left) ? right : left;
            Long count = Types.integerOrNull(Types.isInteger(left) ? left : right);
            if (count != null && (Types.isText(sequence) || sequence instanceof PyList)) {
                if (left instanceof BigInteger || right instanceof BigInteger) {
                    throw execution.error("cannot fit 'int' into an index-sized integer");
                }
                return repeated(execution, sequence, Math.max(count, 0));
            }
        }
        throw unsupported(execution, operator, left, right);
    }

    private static JinjaException unsupported(Execution execution, String operator, Object left, Object right) {
        if (operator.equals("+") && Types.isText(left)) {
            return execution.error("can only concatenate str (not \"" + Types.name(right) + "\") to str");
        }
        if (operator.equals("+") && left instanceof PyList) {
            return execution.error("can only concatenate " + Types.name(left) + " (not \"" + Types.name(right)
                    + "\") to " + Types.name(left));
        }
        return execution.error("unsupported operand type(s) for " + operator + ": '" + Types.name(left) + "' and '"
                + Types.name(right) + "'");
    }

    static void refuseUndefined(Execution execution, Object value) {
        if (value instanceof Undefined undefined) {
            throw execution.error(undefined.message());
        }
    }

    static void refuseSafe(Execution execution, Object value, String what) {
        if (value instanceof SafeText) {
            throw execution.error("'" + what + "' on a value marked safe is not supported");
        }
    }

    private static Object concat(Execution execution, Object left, Object right) {
        if (left instanceof String a && right instanceof String b) {
            execution.chargeText((long) a.length() + b.length());
            return a.concat(b);
        }
        // A safe side makes the whole safe, and what was not safe is escaped.
        String text = escaped(left) + escaped(right);
        return new SafeText(execution.text(text));
    }

    private static String escaped(Object value) {
        return value instanceof SafeText safe
                ? safe.text()
                : SafeText.escape((String) value).text();
    }

    private static Object repeated(Execution execution, Object sequence, long count) {
        refuseSafe(execution, sequence, "*");
        if (sequence instanceof PyList list) {
            execution.charge(saturated(list.size(), count));
            List<Object> items = new ArrayList<>();
            for (long i = 0; i < count && list.size() > 0; i++) {
                items.addAll(list.items());
            }
            return new PyList(items, list.tuple());
        }
        String text = (String) sequence;
        execution.chargeText(saturated(text.length(), count));
        return text.repeat(text.isEmpty() ? 0 : (int) count);
    }

    private static long saturated(int size, long count) {
        return size == 0 ? 0 : count > Long.MAX_VALUE / size ? Long.MAX_VALUE : size * count;
    }

    static Object negate(Execution execution, Object value, boolean minus) {
        refuseUndefined(execution, value);
        if (!Types.isNumber(value)) {
            throw execution.error(
                    "bad operand type for unary " + (minus ? "-" : "+") + ": '" + Types.name(value) + "'");
        }
        if (minus) {
            return Numbers.negate(execution, value);
        }
        return value instanceof Boolean ? Numbers.compact(Numbers.big(value)) : value;
    }

    static boolean compare(Execution execution, String operator, Object left, Object right) {
        return switch (operator) {
            case "==" -> Values.equal(execution, left, right);
            case "!=" -> !Values.equal(execution, left, right);
            case "in" -> Values.contains(execution, right, left);
            case "not in" -> !Values.contains(execution, right, left);
            default -> ordered(execution, operator, left, right);
        };
    }

    private static boolean ordered(Execution execution, String operator, Object left, Object right) {
        int order = Values.compare(execution, operator, left, right);
        if (Numbers.isNan(left) || Numbers.isNan(right)) {
            return false;
        }
        return switch (operator) {
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            default -> order >= 0;
        };
    }

    /** All elements, added up from a start. */
    static Object sum(Execution execution, Iterator<Object> items, Object start) {
        Object sum = start;
        while (items.hasNext()) {
            sum = arithmetic(execution, "+", sum, items.next());
        }
        return sum;
    }
}
