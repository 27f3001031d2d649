package dev.fathom.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;

/** Python's numbers: ints of any size (Long where they fit), floats, and bools that count as ints. */
final class Numbers {
    /** Bits of the largest int; Python has no limit, but prints no more than 4300 digits. */
    private static final int MAX_BITS = 14_000;

    private Numbers() {}

    /** An int in its only form: Long if it fits. */
    static Object compact(BigInteger value) {
        if (value.bitLength() < Long.SIZE) {
            return value.longValue();
        }
        return value;
    }

    static BigInteger big(Object integer) {
        return switch (integer) {
            case BigInteger number -> number;
            case Long number -> BigInteger.valueOf(number);
            case Boolean flag -> flag ? BigInteger.ONE : BigInteger.ZERO;
            default -> throw new IllegalArgumentException("not an int: " + Types.name(integer));
        };
    }

    static double toDouble(Execution execution, Object number) {
        return switch (number) {
            case Double value -> value;
            case Long value -> value;
            case Boolean flag -> flag ? 1 : 0;
            case BigInteger value -> {
                double result = value.doubleValue();
                if (Double.isInfinite(result)) {
                    throw execution.error("int too large to convert to float");
                }
                yield result;
            }
            default -> throw new IllegalArgumentException("not a number: " + Types.name(number));
        };
    }

    /** Both operands are numbers. */
    static Object apply(Execution execution, String operator, Object left, Object right) {
        boolean integers = Types.isInteger(left) && Types.isInteger(right);
        return switch (operator) {
            case "/" -> divide(execution, left, right);
            case "**" ->
                integers
                        ? power(execution, left, right)
                        : power(execution, toDouble(execution, left), toDouble(execution, right));
            default ->
                integers
                        ? integer(execution, operator, left, right)
                        : floating(execution, operator, toDouble(execution, left), toDouble(execution, right));
        };
    }

    private static Object integer(Execution execution, String operator, Object left, Object right) {
        if (left instanceof Long a && right instanceof Long b && a == a.intValue() && b == b.intValue()) {
            return small(execution, operator, a, b);
        }
        BigInteger a = big(left);
        BigInteger b = big(right);
        return bounded(
                execution,
                switch (operator) {
                    case "+" -> a.add(b);
                    case "-" -> a.subtract(b);
                    case "*" -> a.multiply(b);
                    case "//", "%" -> {
                        if (b.signum() == 0) {
                            throw execution.error("integer division or modulo by zero");
                        }
                        BigInteger[] parts = a.divideAndRemainder(b);
                        boolean down = parts[1].signum() != 0 && parts[1].signum() != b.signum();
                        yield operator.equals("//")
                                ? down ? parts[0].subtract(BigInteger.ONE) : parts[0]
                                : down ? parts[1].add(b) : parts[1];
                    }
                    default -> throw execution.error("unknown operator " + operator);
                });
    }

    private static Object small(Execution execution, String operator, long a, long b) {
        if (b == 0 && (operator.equals("//") || operator.equals("%"))) {
            throw execution.error("integer division or modulo by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "//" -> Math.floorDiv(a, b);
            case "%" -> Math.floorMod(a, b);
            default -> throw execution.error("unknown operator " + operator);
        };
    }

    private static Object floating(Execution execution, String operator, double a, double b) {
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "//", "%" -> {
                if (b == 0) {
                    throw execution.error("float floor division by zero");
                }
                double remainder = a % b;
                double floored = (a - remainder) / b;
                if (remainder != 0 && remainder < 0 != b < 0) {
                    remainder += b;
                    floored -= 1;
                }
                yield operator.equals("%")
                        ? remainder == 0 ? Math.copySign(0.0, b) : remainder
                        : floored == 0 ? Math.copySign(0.0, a / b) : Math.floor(floored + 0.5);
            }
            default -> throw execution.error("unknown operator " + operator);
        };
    }

    private static Object divide(Execution execution, Object left, Object right) {
        boolean zero = right instanceof Double value ? value == 0 : big(right).signum() == 0;
        if (zero) {
            throw execution.error("division by zero");
        }
        if (!Types.isInteger(left) || !Types.isInteger(right)) {
            return toDouble(execution, left) / toDouble(execution, right);
        }
        BigInteger a = big(left);
        BigInteger b = big(right);
        if (a.bitLength() <= 53 && b.bitLength() <= 53) {
            return a.doubleValue() / b.doubleValue();
        }
        double quotient =
                new BigDecimal(a).divide(new BigDecimal(b), new MathContext(60)).doubleValue();
        if (Double.isInfinite(quotient)) {
            throw execution.error("integer division result too large for a float");
        }
        return quotient;
    }

    private static Object power(Execution execution, Object left, Object right) {
        BigInteger base = big(left);
        BigInteger exponent = big(right);
        if (exponent.signum() < 0) {
            return power(execution, toDouble(execution, left), toDouble(execution, right));
        }
        if (base.bitLength() <= 1 && base.signum() >= 0) {
            return exponent.signum() == 0 ? 1L : base.longValue();
        }
        if (exponent.bitLength() > 31 || (long) base.bitLength() * exponent.intValue() > 2L * MAX_BITS) {
            throw execution.error("an int of more than " + MAX_BITS + " bits is not supported");
        }
        execution.charge(exponent.intValue());
        return bounded(execution, base.pow(exponent.intValue()));
    }

    private static Object power(Execution execution, double base, double exponent) {
        if (base == 0 && exponent < 0) {
            throw execution.error("0.0 cannot be raised to a negative power");
        }
        if (base < 0 && exponent != Math.rint(exponent) && !Double.isInfinite(exponent)) {
            throw execution.error("a negative number to a fractional power is complex, which is not supported");
        }
        // Python, unlike Java, takes 1 to any power, and -1 to an infinite one, for 1.
        boolean one = base == 1 || (base == -1 && Double.isInfinite(exponent));
        double result = one ? 1 : Math.pow(base, exponent);
        if (Double.isInfinite(result) && !Double.isInfinite(base) && !Double.isInfinite(exponent)) {
            throw execution.error("(34, 'Numerical result out of range')");
        }
        return result;
    }

    static Object negate(Execution execution, Object number) {
        if (number instanceof Double value) {
            return -value;
        }
        return bounded(execution, big(number).negate());
    }

    private static Object bounded(Execution execution, BigInteger value) {
        if (value.bitLength() > MAX_BITS) {
            throw execution.error("an int of more than " + MAX_BITS + " bits is not supported");
        }
        return compact(value);
    }

    /** Compares two numbers by value, ints with floats exactly; a NaN is neither less, equal nor greater. */
    static int compare(Object left, Object right) {
        if (left instanceof Long a && right instanceof Long b) {
            return Long.compare(a, b);
        }
        if (left instanceof Double a && right instanceof Double b) {
            return a < b ? -1 : a > b ? 1 : 0;
        }
        if (Types.isInteger(left) && Types.isInteger(right)) {
            return big(left).compareTo(big(right));
        }
        if (left instanceof Double a) {
            return Double.isInfinite(a) ? a < 0 ? -1 : 1 : new BigDecimal(a).compareTo(new BigDecimal(big(right)));
        }
        return -compare(right, left);
    }

    static boolean isNan(Object value) {
        return value instanceof Double number && Double.isNaN(number);
    }
}
