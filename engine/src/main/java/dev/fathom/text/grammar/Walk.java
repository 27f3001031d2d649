package dev.fathom.text.grammar;

import org.jspecify.annotations.Nullable;

/** Computes steps: walks down the token trie and parses on the way. Not thread-safe: it owns its working sets. */
final class Walk {
    private final Grammar grammar;
    private final TokenTrie trie;
    private final Parser parser;
    private final Items[] byDepth;
    private final int[] nodeByDepth;
    private final int[] countByDepth;
    private final IntList tokens = new IntList();
    private final IntList exits = new IntList();

    Walk(Grammar grammar, TokenTrie trie) {
        this.grammar = grammar;
        this.trie = trie;
        this.parser = new Parser(grammar);
        this.byDepth = new Items[trie.longest() + 1];
        for (int i = 0; i < byDepth.length; i++) {
            byDepth[i] = new Items();
        }
        this.nodeByDepth = new int[byDepth.length];
        this.countByDepth = new int[byDepth.length];
    }

    /**
     * What a node lets through.
     *
     * @param from  where in the trie reading goes on: the root for a node that a parser is in, and then the node only
     *              moves on bytes; other places for a node that is returned to, which may also call and end at once
     */
    Step from(Places from, int node, int count) {
        parser.allow(Parser.MOST_WORK);
        tokens.clear();
        exits.clear();
        Frame bottom = Parser.bottom();
        boolean root = from.equals(Places.ROOT);
        if (root && grammar.simple[grammar.rule[node]]) {
            walkSimple(node, count);
        } else {
            Items start = byDepth[0];
            if (root) {
                start.clear();
                start.add(node, count, bottom);
            } else {
                parser.begin(node, count, bottom, start);
            }
            for (int place : from.nodes) {
                if (start.complete) {
                    exits.add(place);
                }
                if (!root) {
                    takeTokens(place);
                }
                if (start.size > 0) {
                    walk(place, bottom);
                }
            }
        }
        exits.sortDistinct();
        return new Step(bits(), few(), exits.size() == 0 ? Places.NONE : new Places(exits.toArray()));
    }

    private void walk(int place, Frame bottom) {
        int base = trie.depth(place);
        int end = trie.end(place);
        int at = place + 1;
        while (at < end) {
            int depth = trie.depth(at) - base;
            Items now = byDepth[depth];
            parser.advance(byDepth[depth - 1], trie.label(at), now, bottom);
            if (now.size > 0 || now.complete) {
                takeTokens(at);
            }
            if (now.complete) {
                exits.add(at);
            }
            at = now.size > 0 ? at + 1 : trie.end(at);
        }
    }

    /** As {@link #walk} from the root, for a rule that calls none and is in one node at a time. */
    private void walkSimple(int node, int count) {
        Grammar.Loop loop = grammar.loops[grammar.rule[node]];
        int start = grammar.start[grammar.rule[node]];
        nodeByDepth[0] = node;
        countByDepth[0] = count;
        int end = trie.nodes();
        int at = 1;
        while (at < end) {
            int depth = trie.depth(at);
            int from = nodeByDepth[depth - 1];
            int times = countByDepth[depth - 1];
            int to = Grammar.NONE;
            if (loop == null || from != start || loop.goesOn(times)) {
                to = grammar.next(from, trie.label(at));
            }
            if (to == Grammar.NONE && loop != null && from == start && depth > 1 && times >= loop.min()) {
                to = grammar.next(loop.tail(), trie.label(at));
            }
            if (to == Grammar.NONE) {
                at = trie.end(at);
                continue;
            }
            takeTokens(at);
            int flags = grammar.flags[to];
            if ((flags & Grammar.ENDS_BODY) != 0 && loop != null) {
                to = start;
                times = loop.clamp(times + 1);
                if (times >= loop.min() && grammar.has(loop.tail(), Grammar.ACCEPTS)) {
                    exits.add(at);
                }
            } else if ((flags & Grammar.ACCEPTS) != 0) {
                exits.add(at);
            }
            nodeByDepth[depth] = to;
            countByDepth[depth] = times;
            at++;
        }
    }

    private void takeTokens(int place) {
        for (int i = trie.firstToken(place); i < trie.firstToken(place + 1); i++) {
            tokens.add(trie.token(i));
        }
    }

    private int words() {
        return (trie.vocabulary() + 63) >>> 6;
    }

    private long @Nullable [] bits() {
        if (tokens.size() < words()) {
            return null;
        }
        long[] bits = new long[words()];
        for (int i = 0; i < tokens.size(); i++) {
            int id = tokens.get(i);
            bits[id >>> 6] |= 1L << id;
        }
        return bits;
    }

    private int[] few() {
        return tokens.size() < words() ? tokens.toArray() : new int[0];
    }
}
