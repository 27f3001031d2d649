package dev.fathom.text.grammar;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Numbers within bounds, as automata over their decimal digits. No exponents: those have no end of spellings. */
final class Decimals {
    private static final int MOST_DIGITS = 330;
    private static final int MOST_MODULUS = 2_000;
    private static final CodePoints POINT = CodePoints.of('.');
    private static final CodePoints MINUS = CodePoints.of('-');

    private Decimals() {}

    /** @param open whether the limit itself is out of bounds */
    record Bound(BigDecimal limit, boolean open) {
        /** The same bound for numbers with the other sign. */
        Bound negated() {
            return new Bound(limit.negate(), open);
        }
    }

    /** @throws GrammarException for a number with too many digits to write out */
    static BigDecimal of(JsonNode number) {
        try {
            BigDecimal value = new BigDecimal(number.asString());
            if (Math.abs((long) value.scale()) + value.precision() <= MOST_DIGITS) {
                return value;
            }
        } catch (NumberFormatException | ArithmeticException e) {
            // Said below.
        }
        throw new GrammarException(
                "The number " + number + " in the schema needs more than " + MOST_DIGITS + " digits: not supported.");
    }

    /** Without needless zeros: 1.0 is 1. */
    static String shortest(BigDecimal value) {
        return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
    }

    /**
     * The numbers between two bounds, null for none, that are multiples of all divisors.
     *
     * @param wholeOnly  without a decimal point
     */
    static TextDfa numbers(
            @Nullable Bound least, @Nullable Bound most, List<BigDecimal> divisors, boolean wholeOnly, Budget budget) {
        TextDfa.Builder out = new TextDfa.Builder(budget);
        out.state(false);
        Bound positiveLeast = least != null && least.limit().signum() >= 0 ? least : new Bound(BigDecimal.ZERO, false);
        new Digits(out, positiveLeast, most, wholeOnly).write(TextDfa.START);
        // Zero has no sign, so that it has one spelling.
        Bound negativeLeast =
                most != null && most.limit().signum() < 0 ? most.negated() : new Bound(BigDecimal.ZERO, true);
        int minus = out.state(false);
        out.move(TextDfa.START, MINUS, minus);
        new Digits(out, negativeLeast, least == null ? null : least.negated(), wholeOnly).write(minus);
        TextDfa numbers = out.build();
        for (BigDecimal divisor : divisors) {
            numbers = numbers.and(multiples(divisor, budget), budget);
        }
        return numbers;
    }

    /** Multiples of a positive number, whatever their sign and however many zeros they begin with. */
    private static TextDfa multiples(BigDecimal divisor, Budget budget) {
        BigDecimal plain = divisor.stripTrailingZeros();
        if (plain.scale() < 0) {
            plain = plain.setScale(0);
        }
        if (plain.unscaledValue().bitLength() > 31 || plain.unscaledValue().intValue() > MOST_MODULUS) {
            throw new GrammarException(
                    "multipleOf " + divisor + " is not supported: it has too many digits. Leave it out of the schema.");
        }
        int modulus = plain.unscaledValue().intValue();
        int places = plain.scale();
        // States: sign or first digit; then by place (0 before the point) and remainder; then zeros without end.
        TextDfa.Builder out = new TextDfa.Builder(budget);
        int start = out.state(false);
        int[][] states = new int[places + 1][modulus];
        for (int place = 0; place <= places; place++) {
            int scale = 1;
            for (int i = place; i < places; i++) {
                scale = scale * 10 % modulus;
            }
            for (int rest = 0; rest < modulus; rest++) {
                states[place][rest] = out.state((long) rest * scale % modulus == 0);
            }
        }
        int zeros = out.state(true);
        int unsigned = out.state(false);
        out.move(start, MINUS, unsigned);
        out.move(zeros, CodePoints.of('0'), zeros);
        int[] points = new int[modulus];
        for (int rest = 0; rest < modulus; rest++) {
            points[rest] = out.state(false);
            out.move(states[0][rest], POINT, points[rest]);
        }
        for (int digit = 0; digit <= 9; digit++) {
            CodePoints on = CodePoints.of('0' + digit);
            out.move(start, on, states[0][digit % modulus]);
            out.move(unsigned, on, states[0][digit % modulus]);
            for (int rest = 0; rest < modulus; rest++) {
                int next = (rest * 10 + digit) % modulus;
                out.move(states[0][rest], on, states[0][next]);
                if (places > 0) {
                    out.move(points[rest], on, states[1][next]);
                }
                for (int place = 1; place < places; place++) {
                    out.move(states[place][rest], on, states[place + 1][next]);
                }
            }
        }
        CodePoints zero = CodePoints.of('0');
        if (places == 0) {
            out.move(points[0], zero, zeros);
        } else {
            out.move(states[places][0], zero, zeros);
        }
        return out.build();
    }

    /** Numbers without sign against the digits of both bounds. */
    private static final class Digits {
        private static final int LESS = -1;
        private static final int EQUAL = 0;
        private static final int GREATER = 1;

        private final TextDfa.Builder out;
        private final Bound least;
        private final @Nullable Bound most;
        private final boolean wholeOnly;
        private final String leastWhole;
        private final String leastFraction;
        private final String mostWhole;
        private final String mostFraction;
        private final Map<Place, Integer> states = new HashMap<>();
        private final List<Place> order = new ArrayList<>();

        /**
         * After some digits.
         *
         * @param point  whether the point has come
         * @param at     digits since the beginning or since the point, as far as that matters
         * @param low    how the digits compare with as many of the lower bound
         * @param high   how they compare with as many of the upper bound
         * @param zero   whether all that has come is the digit 0
         */
        private record Place(boolean point, int at, int low, int high, boolean zero) {}

        Digits(TextDfa.Builder out, Bound least, @Nullable Bound most, boolean wholeOnly) {
            this.out = out;
            this.least = least;
            this.most = most;
            this.wholeOnly = wholeOnly;
            String[] low = shortest(least.limit()).split("\\.", -1);
            String[] high = (most == null ? "0" : shortest(most.limit())).split("\\.", -1);
            leastWhole = low[0];
            leastFraction = low.length > 1 ? low[1] : "";
            mostWhole = high[0];
            mostFraction = high.length > 1 ? high[1] : "";
        }

        void write(int from) {
            if (most != null && most.limit().signum() < 0) {
                return;
            }
            moves(from, new Place(false, 0, EQUAL, most == null ? LESS : EQUAL, false));
            for (int i = 0; i < order.size(); i++) {
                moves(state(order.get(i)), order.get(i));
            }
        }

        private void moves(int from, Place place) {
            if (!place.zero() || place.point()) {
                for (int digit = 0; digit <= 9; digit++) {
                    Place next = place.point() ? fraction(place, digit) : whole(place, digit);
                    if (next != null) {
                        out.move(from, CodePoints.of('0' + digit), state(next));
                    }
                }
            }
            if (!place.point() && place.at() > 0 && !wholeOnly) {
                int low = lowAtPoint(place);
                int high = highAtPoint(place);
                if (low != LESS && high != GREATER) {
                    out.move(from, POINT, state(new Place(true, 0, low, high, false)));
                }
            }
        }

        private int state(Place place) {
            Integer state = states.get(place);
            if (state == null) {
                state = out.state(accepts(place));
                states.put(place, state);
                order.add(place);
            }
            return state;
        }

        private Place whole(Place place, int digit) {
            int at = place.at();
            int low = against(place.low(), digit, leastWhole, at);
            int high = most == null ? LESS : against(place.high(), digit, mostWhole, at);
            int longest = Math.max(leastWhole.length(), mostWhole.length()) + 1;
            return new Place(false, Math.min(at + 1, longest), low, high, at == 0 && digit == 0);
        }

        /** Digits beyond the bound's own do not matter here: a longer number is larger. */
        private static int against(int before, int digit, String bound, int at) {
            if (before != EQUAL || at >= bound.length()) {
                return before;
            }
            return Integer.signum(Integer.compare(digit, bound.charAt(at) - '0'));
        }

        private @Nullable Place fraction(Place place, int digit) {
            int low = place.low() == EQUAL ? fractionAgainst(digit, leastFraction, place.at()) : place.low();
            int high = place.high() == EQUAL ? fractionAgainst(digit, mostFraction, place.at()) : place.high();
            if (low == LESS || high == GREATER) {
                return null;
            }
            boolean open = low != EQUAL && high != EQUAL;
            int longest = Math.max(Math.max(leastFraction.length(), mostFraction.length()), 1);
            return new Place(true, open ? 1 : Math.min(place.at() + 1, longest), low, high, false);
        }

        private static int fractionAgainst(int digit, String bound, int at) {
            int wanted = at < bound.length() ? bound.charAt(at) - '0' : 0;
            return Integer.signum(Integer.compare(digit, wanted));
        }

        private int lowAtPoint(Place place) {
            return place.at() == leastWhole.length()
                    ? place.low()
                    : Integer.signum(Integer.compare(place.at(), leastWhole.length()));
        }

        private int highAtPoint(Place place) {
            if (most == null) {
                return LESS;
            }
            return place.at() == mostWhole.length()
                    ? place.high()
                    : Integer.signum(Integer.compare(place.at(), mostWhole.length()));
        }

        private boolean accepts(Place place) {
            int read = place.point() ? place.at() : 0;
            int low = place.point() ? place.low() : lowAtPoint(place);
            int high = place.point() ? place.high() : highAtPoint(place);
            if (low == LESS || high == GREATER || (place.point() && read == 0)) {
                return false;
            }
            if (low == EQUAL && (read < leastFraction.length() || least.open())) {
                return false;
            }
            boolean reachesMost = high == EQUAL && read >= mostFraction.length();
            return !reachesMost || most == null || !most.open();
        }
    }
}
