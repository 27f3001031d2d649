package dev.fathom.text.regex;

import java.util.List;

/** A parsed pattern. Groups leave no node: captures are of no use to a tokenizer. */
sealed interface Node {
    record Chars(CodePointSet set) implements Node {}

    record Sequence(List<Node> parts) implements Node {}

    record Choice(List<Node> options) implements Node {}

    /** @param max the most repetitions, {@link #UNBOUNDED} for no limit */
    record Repeat(Node body, int min, int max, Mode mode) implements Node {}

    record Look(Node body, boolean behind, boolean negative) implements Node {}

    record Atomic(Node body) implements Node {}

    record Anchor(Place place) implements Node {}

    enum Mode {
        GREEDY,
        LAZY,
        POSSESSIVE
    }

    enum Place {
        LINE_START,
        LINE_END,
        TEXT_START,
        TEXT_END,
        TEXT_END_OR_LAST_NEWLINE,
        WORD_BOUNDARY,
        NO_WORD_BOUNDARY
    }

    int UNBOUNDED = Integer.MAX_VALUE;

    /** Code points; beyond it a length counts as varying. */
    int LONGEST_FIXED = 1000;

    /** Whether the empty string matches. */
    default boolean nullable() {
        return switch (this) {
            case Chars chars -> false;
            case Sequence sequence -> sequence.parts().stream().allMatch(Node::nullable);
            case Choice choice -> choice.options().stream().anyMatch(Node::nullable);
            case Repeat repeat -> repeat.min() == 0 || repeat.body().nullable();
            case Atomic atomic -> atomic.body().nullable();
            case Look look -> true;
            case Anchor anchor -> true;
        };
    }

    /** The number of code points of every match, or -1 when matches differ in length. */
    default int fixedLength() {
        return switch (this) {
            case Chars chars -> 1;
            case Sequence sequence -> {
                int sum = 0;
                for (Node part : sequence.parts()) {
                    int length = part.fixedLength();
                    if (length < 0) {
                        yield -1;
                    }
                    sum += length;
                    if (sum > LONGEST_FIXED) {
                        yield -1;
                    }
                }
                yield sum;
            }
            case Choice choice -> {
                int length = choice.options().getFirst().fixedLength();
                yield choice.options().stream().allMatch(option -> option.fixedLength() == length) ? length : -1;
            }
            case Repeat repeat -> {
                int length = repeat.body().fixedLength();
                boolean fixed = repeat.min() == repeat.max() && length >= 0;
                yield fixed && (long) repeat.min() * length <= LONGEST_FIXED ? repeat.min() * length : -1;
            }
            case Atomic atomic -> atomic.body().fixedLength();
            case Look look -> 0;
            case Anchor anchor -> 0;
        };
    }

    /** Whether a match that takes at least one character may begin with this code point; only asked when not nullable. */
    default boolean mayBeginWith(int codePoint) {
        return switch (this) {
            case Chars chars -> chars.set().predicate().test(codePoint);
            case Sequence sequence -> {
                for (Node part : sequence.parts()) {
                    if (part.mayBeginWith(codePoint)) {
                        yield true;
                    }
                    if (!part.nullable()) {
                        yield false;
                    }
                }
                yield false;
            }
            case Choice choice -> choice.options().stream().anyMatch(option -> option.mayBeginWith(codePoint));
            case Repeat repeat -> repeat.body().mayBeginWith(codePoint);
            case Atomic atomic -> atomic.body().mayBeginWith(codePoint);
            case Look look -> false;
            case Anchor anchor -> false;
        };
    }
}
