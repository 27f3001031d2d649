package dev.fathom.text.grammar;

import java.util.Arrays;

/**
 * One use of a rule that began at one place of the text, and everybody who waits for its end. All items that call the
 * same rule at the same place share it, so that ambiguous and left-recursive grammars stay small.
 */
final class Frame {
    final int rule;
    /** Which closure made it; callers are added by that closure alone. */
    final long place;

    int[] returns = new int[1];
    int[] counts = new int[1];
    Frame[] callers = new Frame[1];
    int size;

    Frame(int rule, long place) {
        this.rule = rule;
        this.place = place;
    }

    /** @param returnTo the caller's node behind the call; its count is kept for it */
    boolean add(int returnTo, int count, Frame caller) {
        for (int i = 0; i < size; i++) {
            if (returns[i] == returnTo && counts[i] == count && callers[i] == caller) {
                return false;
            }
        }
        if (size == returns.length) {
            returns = Arrays.copyOf(returns, 2 * size);
            counts = Arrays.copyOf(counts, 2 * size);
            callers = Arrays.copyOf(callers, 2 * size);
        }
        returns[size] = returnTo;
        counts[size] = count;
        callers[size++] = caller;
        return true;
    }
}
