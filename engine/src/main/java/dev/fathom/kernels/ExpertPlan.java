package dev.fathom.kernels;

/**
 * Tokens sorted by expert. Assignment a says that token {@code tokenRow[a]} goes to the expert whose range holds a, with
 * weight {@code weight[a]}; within an expert, tokens ascend. Immutable by convention.
 *
 * @param tokens       rows routed
 * @param topK         assignments of each token
 * @param expertStart  [experts + 1]: expert e owns assignments [expertStart[e], expertStart[e + 1])
 * @param tokenRow     [tokens * topK]
 * @param weight       [tokens * topK]
 * @param ofToken      [tokens * topK]: the assignments of token t are ofToken[t * topK ...], by ascending expert
 */
public record ExpertPlan(int tokens, int topK, int[] expertStart, int[] tokenRow, float[] weight, int[] ofToken) {
    /**
     * @param chosen   [tokens * topK] expert of each choice, in any order within a token, no expert twice
     * @param weights  [tokens * topK]
     */
    public static ExpertPlan of(int tokens, int topK, int experts, int[] chosen, float[] weights) {
        int[] expertStart = new int[experts + 1];
        for (int i = 0; i < tokens * topK; i++) {
            expertStart[chosen[i] + 1]++;
        }
        for (int e = 0; e < experts; e++) {
            expertStart[e + 1] += expertStart[e];
        }
        int[] next = expertStart.clone();
        int[] tokenRow = new int[tokens * topK];
        float[] weight = new float[tokens * topK];
        int[] ofToken = new int[tokens * topK];
        for (int i = 0; i < tokens * topK; i++) {
            int assignment = next[chosen[i]]++;
            tokenRow[assignment] = i / topK;
            weight[assignment] = weights[i];
        }
        int[] filled = new int[tokens];
        for (int assignment = 0; assignment < tokens * topK; assignment++) {
            int token = tokenRow[assignment];
            ofToken[token * topK + filled[token]++] = assignment;
        }
        return new ExpertPlan(tokens, topK, expertStart, tokenRow, weight, ofToken);
    }

    public int experts() {
        return expertStart.length - 1;
    }

    /** Tokens that go to an expert. */
    public int count(int expert) {
        return expertStart[expert + 1] - expertStart[expert];
    }
}
