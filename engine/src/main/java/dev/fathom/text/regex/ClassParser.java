package dev.fathom.text.regex;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Reads what stands between brackets: ranges, escapes, POSIX brackets, nested classes, {@code &&}. */
final class ClassParser {
    private static final int MAX_DEPTH = 20;

    private final RegexParser input;
    private int depth;
    private boolean outerNegated;

    ClassParser(RegexParser input) {
        this.input = input;
    }

    /** Reads up to and with the closing bracket; the opening one is already read. */
    IntPredicate parse() {
        IntPredicate set = body();
        if (input.ignoresCase() && !outerNegated && set.test('ß')) {
            throw input.error("ignoring case of 'ß' is not supported");
        }
        return input.folded(set);
    }

    private IntPredicate body() {
        if (++depth > MAX_DEPTH) {
            throw input.error("more than " + MAX_DEPTH + " nested character classes");
        }
        boolean negated = input.accept('^');
        outerNegated = depth == 1 ? negated : outerNegated;
        IntPredicate all = null;
        Union union = new Union();
        boolean empty = true;
        int intersections = 0;
        while (!input.accept(']')) {
            if (input.pattern().startsWith("&&", input.position())) {
                if (++intersections > MAX_DEPTH) {
                    throw input.error("more than " + MAX_DEPTH + " intersections in a character class");
                }
                input.moveTo(input.position() + 2);
                all = all == null ? union.predicate() : all.and(union.predicate());
                union = new Union();
                continue;
            }
            item(union);
            empty = false;
        }
        if (empty) {
            throw input.error("an empty character class");
        }
        depth--;
        IntPredicate set = all == null ? union.predicate() : all.and(union.predicate());
        return negated ? set.negate() : set;
    }

    private void item(Union union) {
        int c = input.next();
        if (c == '[') {
            IntPredicate posix = posix();
            union.add(posix != null ? posix : body());
            return;
        }
        int low = c;
        if (c == '\\') {
            Escapes.Value value = escape();
            if (value.set() != null) {
                union.add(value.set());
                return;
            }
            low = value.codePoint();
        }
        String pattern = input.pattern();
        int at = input.position();
        boolean range = at + 1 < pattern.length() && pattern.charAt(at) == '-' && pattern.charAt(at + 1) != ']';
        if (!range) {
            union.add(low, low);
            return;
        }
        input.next();
        int high = input.next();
        if (high == '[') {
            throw input.error("a character class as the end of a range");
        }
        if (high == '\\') {
            Escapes.Value value = escape();
            if (value.set() != null) {
                // As in [a-\d]: the hyphen stands for itself.
                union.add(low, low);
                union.add('-', '-');
                union.add(value.set());
                return;
            }
            high = value.codePoint();
        }
        if (high < low) {
            throw input.error("a character range in the wrong order");
        }
        union.add(low, high);
    }

    private Escapes.Value escape() {
        if (input.atEnd()) {
            throw input.error("a lone backslash");
        }
        if (input.accept('b')) {
            return new Escapes.Value(null, '\b', input.position());
        }
        Escapes.Value value = Escapes.read(input.pattern(), input.position());
        if (value == null) {
            throw input.error("'\\" + Character.toString(input.peek()) + "' is not supported in a character class");
        }
        input.moveTo(value.end());
        return value;
    }

    /** Reads {@code :name:]} or {@code :^name:]}; null (nothing read) when there is no such bracket. */
    private @Nullable IntPredicate posix() {
        int at = input.position();
        int end = input.pattern().indexOf(":]", at);
        if (!input.pattern().startsWith(":", at) || end < 0) {
            return null;
        }
        String name = input.pattern().substring(at + 1, end);
        boolean negated = name.startsWith("^");
        IntPredicate set = Properties.posix(negated ? name.substring(1) : name);
        if (set == null) {
            throw input.error("the POSIX bracket '[:" + name + ":]' is not known");
        }
        input.moveTo(end + 2);
        return negated ? set.negate() : set;
    }

    /** Ranges kept flat, so that a class of thousands of ranges neither nests predicates nor searches them one by one. */
    private static final class Union {
        private int[] ranges = new int[8];
        private int size;
        private final List<IntPredicate> sets = new ArrayList<>();

        void add(int low, int high) {
            if (size == ranges.length) {
                ranges = Arrays.copyOf(ranges, size * 2);
            }
            ranges[size++] = low;
            ranges[size++] = high;
        }

        void add(IntPredicate set) {
            sets.add(set);
        }

        IntPredicate predicate() {
            int[] bounds = Arrays.copyOf(ranges, size);
            IntPredicate[] others = sets.toArray(IntPredicate[]::new);
            return c -> {
                for (int i = 0; i < bounds.length; i += 2) {
                    if (c >= bounds[i] && c <= bounds[i + 1]) {
                        return true;
                    }
                }
                for (IntPredicate other : others) {
                    if (other.test(c)) {
                        return true;
                    }
                }
                return false;
            };
        }
    }
}
