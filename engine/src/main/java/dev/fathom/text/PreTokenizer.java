package dev.fathom.text;

import dev.fathom.text.regex.Finder;
import dev.fathom.text.regex.Regex;
import java.util.ArrayList;
import java.util.List;

/** Cuts text into the pieces that byte pair encoding works on: a chain of splits, each working on the pieces of the last. */
final class PreTokenizer {
    /** The pattern of GPT-2, which {@code ByteLevel} brings along when {@code use_regex} is set. */
    static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    /** One step of the chain. */
    sealed interface Step {
        /** @param invert what the pattern does not match counts as the match */
        record Split(Regex pattern, SplitBehavior behavior, boolean invert) implements Step {}

        /** A piece that does not begin with a space gets one. */
        record PrefixSpace() implements Step {}
    }

    /** Takes the pieces in the order of the text. */
    interface Sink {
        void piece(String text, int from, int to);
    }

    private final List<Step> steps;

    PreTokenizer(List<Step> steps) {
        this.steps = List.copyOf(steps);
    }

    /** A run over one text; for one thread, reusable for several stretches of it. */
    Run run(Sink sink) {
        return new Run(sink);
    }

    final class Run {
        private final Sink sink;
        private final List<Finder> finders = new ArrayList<>();

        private Run(Sink sink) {
            this.sink = sink;
            for (Step step : steps) {
                Regex pattern = step instanceof Step.Split split ? split.pattern() : Regex.literal(" ");
                finders.add(pattern.finder());
            }
        }

        void cut(String text, int from, int to) {
            cut(0, text, from, to);
        }

        private void cut(int index, String text, int from, int to) {
            if (from == to) {
                return;
            }
            if (index == steps.size()) {
                sink.piece(text, from, to);
                return;
            }
            switch (steps.get(index)) {
                case Step.PrefixSpace space -> {
                    if (text.charAt(from) == ' ') {
                        cut(index + 1, text, from, to);
                    } else {
                        String spaced = " " + text.substring(from, to);
                        cut(index + 1, spaced, 0, spaced.length());
                    }
                }
                case Step.Split split -> split(index, split, text, from, to);
            }
        }

        private void split(int index, Step.Split split, String text, int from, int to) {
            Finder finder = finders.get(index);
            finder.reset(text, from, to);
            boolean isolated = split.behavior() == SplitBehavior.ISOLATED;
            Pieces pieces = new Pieces(split.behavior());
            int done = from;
            while (finder.find()) {
                int start = finder.start();
                int end = finder.end();
                if (isolated) {
                    // The common case goes on at once: no list of pieces, and the finder is not used below this step.
                    cut(index + 1, text, done, start);
                    cut(index + 1, text, start, end);
                } else {
                    if (start > done) {
                        pieces.add(done, start, split.invert());
                    }
                    pieces.add(start, end, !split.invert());
                }
                done = end;
            }
            if (isolated) {
                cut(index + 1, text, done, to);
                return;
            }
            if (done < to) {
                pieces.add(done, to, split.invert());
            }
            pieces.forEach((start, end) -> cut(index + 1, text, start, end));
        }
    }

    /** Matches and what lies between them, joined as a behavior asks. */
    private static final class Pieces {
        private final SplitBehavior behavior;
        private final IntList bounds = new IntList(16);
        private boolean matchBefore;

        Pieces(SplitBehavior behavior) {
            this.behavior = behavior;
        }

        void add(int from, int to, boolean match) {
            boolean joins = bounds.size() > 0
                    && switch (behavior) {
                        case ISOLATED, REMOVED -> false;
                        case CONTIGUOUS -> match == matchBefore;
                        case MERGED_WITH_PREVIOUS -> match && !matchBefore;
                        case MERGED_WITH_NEXT -> matchBefore && !match;
                    };
            if (joins) {
                bounds.set(bounds.size() - 1, to);
            } else if (behavior != SplitBehavior.REMOVED || !match) {
                bounds.add(from);
                bounds.add(to);
            }
            matchBefore = match;
        }

        void forEach(Range range) {
            for (int i = 0; i < bounds.size(); i += 2) {
                range.accept(bounds.get(i), bounds.get(i + 1));
            }
        }
    }

    private interface Range {
        void accept(int from, int to);
    }
}
