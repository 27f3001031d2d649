package dev.fathom.engine;

import dev.fathom.kernels.AttentionBatch;
import java.util.List;

/**
 * One step's work, complete in itself: nobody writes to its arrays.
 *
 * @param parts       what each sequence contributes, in row order
 * @param tokenIds    [tokens]
 * @param attention   which rows belong to which part, with positions and slots
 * @param outputRows  rows whose logits are wanted, ascending: of each part those that explain its prompt, and the last if it
 *                    samples
 */
record Batch(List<Part> parts, int[] tokenIds, AttentionBatch attention, int[] outputRows) {
    /**
     * Consecutive tokens of one sequence.
     *
     * @param from     position of the first
     * @param samples  whether the next token is chosen from the last row's logits
     * @param prefill  whether these are tokens that were given, or computed before a retraction
     */
    record Part(Sequence sequence, int from, int count, boolean samples, boolean prefill) {
        int to() {
            return from + count;
        }

        /** Rows that explain the next token of the prompt; they are consecutive. */
        int reportedRows() {
            PromptReport report = sequence.report();
            return report == null ? 0 : report.rows(from, to());
        }

        /** Rows whose logits are wanted. */
        int outputs() {
            return reportedRows() + (samples ? 1 : 0);
        }
    }

    static Batch of(List<Part> parts) {
        int sequences = parts.size();
        int[] queryStart = new int[sequences + 1];
        int[] contextLength = new int[sequences];
        int[][] slots = new int[sequences][];
        for (int i = 0; i < sequences; i++) {
            Part part = parts.get(i);
            queryStart[i + 1] = queryStart[i] + part.count();
            contextLength[i] = part.to();
            slots[i] = part.sequence().lease().slots();
        }
        int[] tokenIds = new int[queryStart[sequences]];
        int[] outputRows = new int[parts.stream().mapToInt(Part::outputs).sum()];
        int outputs = 0;
        for (int i = 0; i < sequences; i++) {
            Part part = parts.get(i);
            System.arraycopy(part.sequence().tokens(), part.from(), tokenIds, queryStart[i], part.count());
            PromptReport report = part.sequence().report();
            int reported = part.reportedRows();
            for (int row = 0; report != null && row < reported; row++) {
                outputRows[outputs++] = queryStart[i] + report.reach() - part.from() + row;
            }
            if (part.samples()) {
                outputRows[outputs++] = queryStart[i + 1] - 1;
            }
        }
        return new Batch(
                List.copyOf(parts), tokenIds, new AttentionBatch(queryStart, contextLength, slots), outputRows);
    }

    boolean isEmpty() {
        return parts.isEmpty();
    }

    int prefillSequences() {
        return (int) parts.stream().filter(Part::prefill).count();
    }

    int prefillTokens() {
        return parts.stream().filter(Part::prefill).mapToInt(Part::count).sum();
    }

    int decodeSequences() {
        return parts.size() - prefillSequences();
    }
}
