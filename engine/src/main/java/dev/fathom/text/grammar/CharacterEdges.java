package dev.fathom.text.grammar;

/** Writes edges for characters as the bytes that stand for them: UTF-8, and where asked for the escapes of JSON. */
final class CharacterEdges {
    private static final CodePoints MUST_ESCAPE =
            CodePoints.range(0, 0x1f).or(CodePoints.of('"')).or(CodePoints.of('\\'));
    private static final String ESCAPED = "\"\\/\b\f\n\r\t";
    private static final String ESCAPES = "\"\\/bfnrt";
    private static final int[] UTF8_LAST = {0x7f, 0x7ff, 0xffff, Character.MAX_CODE_POINT};
    private static final int FIRST_PAIR = 0x10000;
    private static final int HIGH_SURROGATE = 0xD800;
    private static final int LOW_SURROGATE = 0xDC00;
    private static final int PAIR_HALF = 0x400;

    private final Nfa nfa;

    CharacterEdges(Nfa nfa) {
        this.nfa = nfa;
    }

    void add(int from, CodePoints set, Expr.Form form, int to) {
        if (form == Expr.Form.JSON) {
            escapes(from, set, to);
            utf8(from, set.minus(MUST_ESCAPE), to);
        } else {
            utf8(from, set, to);
        }
    }

    private void utf8(int from, CodePoints set, int to) {
        for (int i = 0; i < set.ranges(); i++) {
            int first = set.first(i);
            for (int bytes = 1; bytes <= 4 && first <= set.last(i); bytes++) {
                int last = Math.min(set.last(i), UTF8_LAST[bytes - 1]);
                if (first <= last) {
                    new Digits(Kind.UTF8, utf8(first, bytes), utf8(last, bytes)).add(from, 0, to);
                    first = last + 1;
                }
            }
            if (first <= set.last(i)) {
                marks(from, first, set.last(i), to);
            }
        }
    }

    /** Special tokens: a symbol that is no byte, and the bytes of their ids. */
    private void marks(int from, int first, int last, int to) {
        int symbol = nfa.state();
        nfa.bytes(from, Marks.SYMBOL, Marks.SYMBOL, symbol);
        new Digits(Kind.BYTES, idBytes(first), idBytes(last)).add(symbol, 0, to);
    }

    private static int[] idBytes(int character) {
        int id = character - Marks.first();
        return new int[] {id >>> 16, id >>> 8 & 0xff, id & 0xff};
    }

    private static int[] utf8(int codePoint, int bytes) {
        if (bytes == 1) {
            return new int[] {codePoint};
        }
        int[] out = new int[bytes];
        int rest = codePoint;
        for (int i = bytes - 1; i > 0; i--) {
            out[i] = 0x80 | (rest & 0x3f);
            rest >>>= 6;
        }
        out[0] = (0xf00 >>> bytes & 0xff) | rest;
        return out;
    }

    private void escapes(int from, CodePoints set, int to) {
        if (set.isEmpty()) {
            return;
        }
        int backslash = after(from, '\\');
        for (int i = 0; i < ESCAPED.length(); i++) {
            if (set.contains(ESCAPED.charAt(i))) {
                nfa.bytes(backslash, ESCAPES.charAt(i), ESCAPES.charAt(i), to);
            }
        }
        int hex = after(backslash, 'u');
        for (int i = 0; i < set.ranges(); i++) {
            int first = set.first(i);
            int last = set.last(i);
            if (first < FIRST_PAIR) {
                hex(hex, first, Math.min(last, FIRST_PAIR - 1), to);
            }
            if (last >= FIRST_PAIR) {
                pairs(hex, Math.max(first, FIRST_PAIR) - FIRST_PAIR, last - FIRST_PAIR, to);
            }
        }
    }

    /** Surrogate pairs: {@code first} and {@code last} count from the first character that needs one. */
    private void pairs(int from, int first, int last, int to) {
        int high = first / PAIR_HALF;
        int lastHigh = last / PAIR_HALF;
        if (high == lastHigh) {
            pair(from, high, high, first % PAIR_HALF, last % PAIR_HALF, to);
            return;
        }
        pair(from, high, high, first % PAIR_HALF, PAIR_HALF - 1, to);
        if (high + 1 < lastHigh) {
            pair(from, high + 1, lastHigh - 1, 0, PAIR_HALF - 1, to);
        }
        pair(from, lastHigh, lastHigh, 0, last % PAIR_HALF, to);
    }

    private void pair(int from, int firstHigh, int lastHigh, int firstLow, int lastLow, int to) {
        int between = nfa.state();
        hex(from, HIGH_SURROGATE + firstHigh, HIGH_SURROGATE + lastHigh, between);
        hex(after(after(between, '\\'), 'u'), LOW_SURROGATE + firstLow, LOW_SURROGATE + lastLow, to);
    }

    private void hex(int from, int first, int last, int to) {
        new Digits(Kind.HEX, nibbles(first), nibbles(last)).add(from, 0, to);
    }

    private static int[] nibbles(int value) {
        return new int[] {value >>> 12, value >>> 8 & 15, value >>> 4 & 15, value & 15};
    }

    private int after(int from, char c) {
        int to = nfa.state();
        nfa.bytes(from, c, c, to);
        return to;
    }

    /** What the digits of a number are. */
    private enum Kind {
        /** The bytes behind the first of a character in UTF-8. */
        UTF8(0x80, 0xbf),
        HEX(0, 15),
        BYTES(0, 255);

        private final int least;
        private final int most;

        Kind(int least, int most) {
            this.least = least;
            this.most = most;
        }
    }

    /** Numbers of equal length from {@code first} to {@code last}, digit by digit. */
    private final class Digits {
        private final Kind kind;
        private final int[] first;
        private final int[] last;
        private final int least;
        private final int most;

        Digits(Kind kind, int[] first, int[] last) {
            this.kind = kind;
            this.first = first;
            this.last = last;
            this.least = kind.least;
            this.most = kind.most;
        }

        /** Digits from {@code i} on, both bounds still to be kept. */
        void add(int from, int i, int to) {
            if (i == first.length - 1) {
                digit(from, first[i], last[i], to);
                return;
            }
            if (first[i] == last[i]) {
                int next = nfa.state();
                digit(from, first[i], first[i], next);
                add(next, i + 1, to);
                return;
            }
            int low = first[i];
            int high = last[i];
            if (!ends(first, i + 1, least)) {
                int next = nfa.state();
                digit(from, low++, next);
                bounded(next, i + 1, first, true, to);
            }
            if (!ends(last, i + 1, most)) {
                int next = nfa.state();
                digit(from, high--, next);
                bounded(next, i + 1, last, false, to);
            }
            if (low <= high) {
                free(from, low, high, i, to);
            }
        }

        /** Digits from {@code i} on that are at least, or at most, those of {@code bound}. */
        private void bounded(int from, int i, int[] bound, boolean atLeast, int to) {
            int open = atLeast ? most : least;
            if (i == bound.length - 1) {
                digit(from, Math.min(bound[i], open), Math.max(bound[i], open), to);
                return;
            }
            int next = nfa.state();
            digit(from, bound[i], next);
            bounded(next, i + 1, bound, atLeast, to);
            if (bound[i] != open) {
                int low = atLeast ? bound[i] + 1 : least;
                int high = atLeast ? most : bound[i] - 1;
                free(from, low, high, i, to);
            }
        }

        /** A digit of a range, and any digits after it. */
        private void free(int from, int low, int high, int i, int to) {
            int state = from;
            for (int at = i; at < first.length; at++) {
                int next = at == first.length - 1 ? to : nfa.state();
                digit(state, at == i ? low : least, at == i ? high : most, next);
                state = next;
            }
        }

        private boolean ends(int[] digits, int from, int value) {
            for (int i = from; i < digits.length; i++) {
                if (digits[i] != value) {
                    return false;
                }
            }
            return true;
        }

        private void digit(int from, int value, int to) {
            digit(from, value, value, to);
        }

        private void digit(int from, int low, int high, int to) {
            if (kind != Kind.HEX) {
                nfa.bytes(from, low, high, to);
                return;
            }
            if (low <= 9) {
                nfa.bytes(from, '0' + low, '0' + Math.min(high, 9), to);
            }
            if (high >= 10) {
                int letter = Math.max(low, 10) - 10;
                nfa.bytes(from, 'a' + letter, 'a' + high - 10, to);
                nfa.bytes(from, 'A' + letter, 'A' + high - 10, to);
            }
        }
    }
}
