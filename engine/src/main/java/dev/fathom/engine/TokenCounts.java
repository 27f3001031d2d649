package dev.fathom.engine;

import java.util.Arrays;

/**
 * How often each token occurs in one sequence's output, and which occur in its prompt; an open-addressing table, since a
 * vocabulary-wide array for each sequence would be far larger.
 */
final class TokenCounts {
    private static final int EMPTY = -1;

    private int[] ids;
    private int[] outputCounts;
    private int size;

    TokenCounts(int[] promptIds, int promptLength) {
        ids = new int[64];
        outputCounts = new int[64];
        Arrays.fill(ids, EMPTY);
        for (int i = 0; i < promptLength; i++) {
            index(promptIds[i]);
        }
    }

    void addOutput(int id) {
        int at = index(id);
        outputCounts[at]++;
    }

    /**
     * Subtracts frequency and presence penalties for tokens of the output, then scales tokens of prompt and output by
     * the repetition penalty: positive logits are divided, others multiplied.
     */
    void penalize(float[] logits, float frequency, float presence, float repetition) {
        for (int i = 0; i < ids.length; i++) {
            int id = ids[i];
            if (id == EMPTY) {
                continue;
            }
            float logit = logits[id];
            int count = outputCounts[i];
            if (count > 0) {
                logit -= frequency * count + presence;
            }
            logits[id] = logit > 0 ? logit / repetition : logit * repetition;
        }
    }

    /** Index of {@code id}, which is entered if it is new. */
    private int index(int id) {
        int at = find(id);
        if (ids[at] == EMPTY) {
            if (2 * (size + 1) > ids.length) {
                grow();
                at = find(id);
            }
            ids[at] = id;
            size++;
        }
        return at;
    }

    private int find(int id) {
        int mask = ids.length - 1;
        int at = ((id * 0x9E3779B9) >>> 8) & mask;
        while (ids[at] != EMPTY && ids[at] != id) {
            at = (at + 1) & mask;
        }
        return at;
    }

    private void grow() {
        int[] oldIds = ids;
        int[] oldCounts = outputCounts;
        ids = new int[Math.multiplyExact(2, oldIds.length)];
        outputCounts = new int[ids.length];
        Arrays.fill(ids, EMPTY);
        for (int i = 0; i < oldIds.length; i++) {
            if (oldIds[i] != EMPTY) {
                int at = find(oldIds[i]);
                ids[at] = oldIds[i];
                outputCounts[at] = oldCounts[i];
            }
        }
    }
}
