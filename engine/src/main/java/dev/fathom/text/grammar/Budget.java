package dev.fathom.text.grammar;

/** What preparing one grammar may cost; grammars come from outside, and small ones can ask for a lot. */
final class Budget {
    /** Nodes of all automata of a grammar together. */
    static final int MOST_NODES = 100_000;

    private static final long MOST_NANOS = 10_000_000_000L;

    /** One unit is about a state or an edge looked at. */
    private static final long MOST_WORK = 400_000_000L;

    private final long endNanos = System.nanoTime() + MOST_NANOS;
    private long work;
    private int nodes;

    /** @throws GrammarException when the grammar has cost too much */
    void spend(int units) {
        long before = work;
        work += units;
        boolean lookAtClock = before >>> 16 != work >>> 16;
        if (work > MOST_WORK || (lookAtClock && System.nanoTime() - endNanos > 0)) {
            throw new GrammarException("The grammar is too complex: preparing it takes too long. Simplify it.");
        }
    }

    /** @throws GrammarException when the grammar has too many nodes */
    void addNodes(int count) {
        nodes += count;
        if (nodes > MOST_NODES) {
            throw new GrammarException(
                    "The grammar is too large: it needs more than " + MOST_NODES + " states. Simplify it.");
        }
        spend(count);
    }
}
