package dev.fathom.text.grammar;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.api.TokenMask;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Follows one sequence along its grammar. */
final class GrammarMask implements TokenMask {
    private final CompiledGrammar compiled;
    private final int[] endIds;
    private final int beginAfter;
    private final Parser parser;
    private final Frame bottom = Parser.bottom();
    private final long[] mask;
    private Items items = new Items();
    private Items spare = new Items();
    private boolean begun;
    private boolean ended;
    /** Places and frames that this mask has gone through, as pairs. */
    private Object[] visited = new Object[16];

    private int visitedSize;

    GrammarMask(CompiledGrammar compiled, int[] endIds, int beginAfter) {
        this.compiled = compiled;
        this.endIds = endIds;
        this.beginAfter = beginAfter;
        this.parser = new Parser(compiled.grammar());
        this.mask = new long[(compiled.trie().vocabulary() + 63) >>> 6];
        this.begun = beginAfter < 0;
        parser.begin(bottom, items);
    }

    @Override
    public long @Nullable [] allowed() {
        if (!begun) {
            return null;
        }
        Arrays.fill(mask, 0);
        if (ended) {
            return mask;
        }
        try {
            visitedSize = 0;
            for (int i = 0; i < items.size; i++) {
                Step step = compiled.step(Places.ROOT, items.nodes[i], items.counts[i]);
                step.addTo(mask);
                ret(step.exits(), items.frames[i]);
            }
        } catch (GrammarException e) {
            throw tooComplex(e);
        }
        if (items.complete) {
            for (int id : endIds) {
                mask[id >>> 6] |= 1L << id;
            }
        }
        return mask;
    }

    /** The rule that {@code frame} is a use of was complete at these places: whoever called it reads on. */
    private void ret(Places places, Frame frame) {
        if (places.isEmpty() || frame == bottom || !visit(places, frame)) {
            return;
        }
        for (int i = 0; i < frame.size; i++) {
            Step step = compiled.step(places, frame.returns[i], frame.counts[i]);
            step.addTo(mask);
            ret(step.exits(), frame.callers[i]);
        }
    }

    private boolean visit(Places places, Frame frame) {
        for (int i = 0; i < visitedSize; i += 2) {
            if (visited[i + 1] == frame && visited[i].equals(places)) {
                return false;
            }
        }
        if (visitedSize == visited.length) {
            visited = Arrays.copyOf(visited, 2 * visitedSize);
        }
        visited[visitedSize++] = places;
        visited[visitedSize++] = frame;
        return true;
    }

    @Override
    public void accept(int id) {
        if (!begun) {
            begun = id == beginAfter;
            return;
        }
        if (ended || (items.complete && Arrays.binarySearch(endIds, id) >= 0)) {
            ended = true;
            return;
        }
        char[] symbols = compiled.trie().symbols(id);
        parser.allow(Parser.MOST_WORK);
        try {
            for (char value : symbols) {
                parser.advance(items, value, spare, bottom);
                Items read = spare;
                spare = items;
                items = read;
            }
        } catch (GrammarException e) {
            throw tooComplex(e);
        }
        if (symbols.length == 0 || (items.size == 0 && !items.complete)) {
            throw new RequestException(
                    ErrorCode.INTERNAL, "The token id " + id + " does not follow the grammar: it was not allowed.");
        }
        ended = items.size == 0 && endIds.length == 0;
    }

    @Override
    public boolean ended() {
        return ended;
    }

    private static RequestException tooComplex(GrammarException e) {
        return RequestException.invalid("grammar", String.valueOf(e.getMessage()));
    }
}
