package dev.fathom.text.grammar;

import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * A set of Unicode characters. Surrogates are never in it: they are no characters and have no UTF-8 form. Beyond Unicode
 * follow the characters that stand for special tokens, see {@link Marks}; only sets that ask for them have them.
 *
 * <p>Immutable: sorted, disjoint ranges that do not touch, as pairs of first and last.
 */
final class CodePoints {
    static final int SURROGATES_FIRST = 0xD800;
    static final int SURROGATES_LAST = 0xDFFF;

    static final CodePoints NONE = new CodePoints(new int[0]);
    static final CodePoints ALL =
            new CodePoints(new int[] {0, SURROGATES_FIRST - 1, SURROGATES_LAST + 1, Character.MAX_CODE_POINT});

    /** All characters and all marks. */
    static final CodePoints ALL_AND_MARKS = ALL.or(new CodePoints(new int[] {Marks.first(), Marks.LAST}));

    private final int[] bounds;

    private CodePoints(int[] bounds) {
        this.bounds = bounds;
    }

    static CodePoints of(int codePoint) {
        return range(codePoint, codePoint);
    }

    /** @param character perhaps the one of a special token */
    static CodePoints one(int character) {
        return new CodePoints(new int[] {character, character});
    }

    /** Both ends are in it. */
    static CodePoints range(int first, int last) {
        return new CodePoints(new int[] {first, last}).and(ALL);
    }

    static CodePoints of(String characters) {
        CodePoints set = NONE;
        for (int c : characters.codePoints().toArray()) {
            set = set.or(of(c));
        }
        return set;
    }

    static CodePoints where(IntPredicate test) {
        IntList found = new IntList();
        int c = 0;
        while (c <= Character.MAX_CODE_POINT) {
            if (!test.test(c)) {
                c++;
                continue;
            }
            found.add(c);
            while (c < Character.MAX_CODE_POINT && test.test(c + 1)) {
                c++;
            }
            found.add(c++);
        }
        return new CodePoints(found.toArray()).and(ALL);
    }

    int ranges() {
        return bounds.length / 2;
    }

    int first(int range) {
        return bounds[2 * range];
    }

    int last(int range) {
        return bounds[2 * range + 1];
    }

    boolean isEmpty() {
        return bounds.length == 0;
    }

    boolean contains(int codePoint) {
        int low = 0;
        int high = ranges() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (codePoint < first(middle)) {
                high = middle - 1;
            } else if (codePoint > last(middle)) {
                low = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }

    CodePoints or(CodePoints other) {
        if (isEmpty()) {
            return other;
        }
        long[] all = new long[ranges() + other.ranges()];
        for (int i = 0; i < ranges(); i++) {
            all[i] = (long) first(i) << 32 | last(i);
        }
        for (int i = 0; i < other.ranges(); i++) {
            all[ranges() + i] = (long) other.first(i) << 32 | other.last(i);
        }
        Arrays.sort(all);
        return joined(all);
    }

    private static CodePoints joined(long[] sorted) {
        IntList out = new IntList();
        int first = (int) (sorted[0] >>> 32);
        int last = (int) sorted[0];
        for (long range : sorted) {
            int from = (int) (range >>> 32);
            if (from > last + 1) {
                out.add(first);
                out.add(last);
                first = from;
                last = (int) range;
            } else {
                last = Math.max(last, (int) range);
            }
        }
        out.add(first);
        out.add(last);
        return new CodePoints(out.toArray());
    }

    CodePoints and(CodePoints other) {
        IntList out = new IntList();
        int i = 0;
        int j = 0;
        while (i < ranges() && j < other.ranges()) {
            int from = Math.max(first(i), other.first(j));
            int to = Math.min(last(i), other.last(j));
            if (from <= to) {
                out.add(from);
                out.add(to);
            }
            if (last(i) < other.last(j)) {
                i++;
            } else {
                j++;
            }
        }
        return new CodePoints(out.toArray());
    }

    /** All other characters, no marks. */
    CodePoints not() {
        return complement().and(ALL);
    }

    private CodePoints complement() {
        IntList out = new IntList();
        int from = 0;
        for (int i = 0; i < ranges(); i++) {
            if (first(i) > from) {
                out.add(from);
                out.add(first(i) - 1);
            }
            from = last(i) + 1;
        }
        if (from <= Marks.LAST) {
            out.add(from);
            out.add(Marks.LAST);
        }
        return new CodePoints(out.toArray());
    }

    CodePoints minus(CodePoints other) {
        return and(other.complement());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CodePoints set && Arrays.equals(bounds, set.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        return Arrays.toString(bounds);
    }
}
