package dev.fathom.text.grammar;

import java.util.Arrays;

/** A nondeterministic automaton over bytes, the symbol of {@link Marks} and rule calls, with empty edges; all rules of a grammar share one. */
final class Nfa {
    static final int EPSILON = -1;
    static final int CALL = -2;
    static final int NONE = -1;

    private final Budget budget;
    private int[] firstEdge = new int[64];
    private int states;
    private int[] nextEdge = new int[64];
    private int[] low = new int[64];
    private int[] high = new int[64];
    private int[] target = new int[64];
    private int edges;
    /** Whether a class of equal bytes begins at this value. */
    private final boolean[] border = new boolean[Marks.SYMBOLS + 1];

    Nfa(Budget budget) {
        this.budget = budget;
        border[0] = true;
    }

    int state() {
        budget.spend(4);
        if (states >= 4 * Budget.MOST_NODES) {
            throw new GrammarException("The grammar is too large: it needs more than " + 4 * Budget.MOST_NODES
                    + " states before they are merged. Simplify it.");
        }
        if (states == firstEdge.length) {
            firstEdge = Arrays.copyOf(firstEdge, 2 * states);
        }
        firstEdge[states] = NONE;
        return states++;
    }

    int states() {
        return states;
    }

    /** Any byte in [first, last]. */
    void bytes(int from, int first, int last, int to) {
        border[first] = true;
        border[last + 1] = true;
        edge(from, first, last, to);
    }

    void epsilon(int from, int to) {
        edge(from, EPSILON, 0, to);
    }

    void call(int from, int rule, int to) {
        edge(from, CALL, rule, to);
    }

    private void edge(int from, int first, int last, int to) {
        budget.spend(1);
        if (edges == nextEdge.length) {
            nextEdge = Arrays.copyOf(nextEdge, 2 * edges);
            low = Arrays.copyOf(low, 2 * edges);
            high = Arrays.copyOf(high, 2 * edges);
            target = Arrays.copyOf(target, 2 * edges);
        }
        low[edges] = first;
        high[edges] = last;
        target[edges] = to;
        nextEdge[edges] = firstEdge[from];
        firstEdge[from] = edges++;
    }

    /** The first edge of a state, or {@link #NONE}; the others follow by {@link #next}. */
    int first(int state) {
        return firstEdge[state];
    }

    int next(int edge) {
        return nextEdge[edge];
    }

    boolean isEpsilon(int edge) {
        return low[edge] == EPSILON;
    }

    boolean isCall(int edge) {
        return low[edge] == CALL;
    }

    int rule(int edge) {
        return high[edge];
    }

    int firstByte(int edge) {
        return low[edge];
    }

    int lastByte(int edge) {
        return high[edge];
    }

    int target(int edge) {
        return target[edge];
    }

    /** [{@link Marks#SYMBOLS}]: bytes that no edge tells apart get one number, in rising order from 0. */
    char[] byteClasses() {
        char[] classes = new char[Marks.SYMBOLS];
        int current = -1;
        border[Marks.SYMBOL] = true;
        for (int value = 0; value < classes.length; value++) {
            if (border[value]) {
                current++;
            }
            classes[value] = (char) current;
        }
        return classes;
    }
}
