package dev.fathom.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How a set of golden cases is run.
 *
 * @param batched  all cases in one batch, so that prefill and decode rows mix; else one after another
 * @param chunk    most prompt tokens of a sequence in a step
 * @param warm     the second half of each prompt is computed over another sequence's cache of the first half
 */
public record GoldenRun(KvFormat cache, boolean batched, int chunk, boolean warm) {
    /**
     * What came out.
     *
     * @param worstLogit      largest difference of a logit at the last position of a prompt
     * @param worstLogSumExp  largest difference of the log-sum-exp of the logits at any computed prompt position
     * @param sequences       in case order
     */
    public record Outcome(float worstLogit, float worstLogSumExp, List<GoldenRunner.Sequence> sequences) {
        /**
         * Where generated tokens first leave the reference's; asserts that it is only where the likeliest were nearly tied.
         *
         * @param close  the run whose gaps between the two likeliest tokens count
         * @param bound  of such a gap
         */
        public List<String> differences(List<GoldenCase> cases, Outcome close, float bound) {
            List<String> differences = new ArrayList<>();
            for (int i = 0; i < cases.size(); i++) {
                int at = Arrays.mismatch(
                        sequences.get(i).generated(), cases.get(i).greedy());
                if (at >= 0) {
                    float gap = close.sequences.get(i).gap(at);
                    differences.add("case " + i + " token " + at + " gap " + gap);
                    assertThat(gap).as("case " + i + ", token " + at).isLessThan(bound);
                }
            }
            return differences;
        }
    }

    public Outcome of(CausalLm model, KernelBackend kernels, List<GoldenCase> cases) {
        try (GoldenRunner runner = new GoldenRunner(model, kernels, cache)) {
            List<GoldenRunner.Sequence> sequences = new ArrayList<>();
            for (GoldenCase golden : cases) {
                sequences.add(sequence(runner, golden));
            }
            if (batched) {
                runner.run(sequences, chunk);
            } else {
                sequences.forEach(sequence -> runner.run(List.of(sequence), chunk));
            }
            float worstLogit = 0;
            float worstLogSumExp = 0;
            for (int i = 0; i < cases.size(); i++) {
                GoldenCase golden = cases.get(i);
                List<float[]> logits = sequences.get(i).promptLogits();
                worstLogit = Math.max(worstLogit, GoldenRunner.difference(golden.lastLogits(), logits.getLast()));
                int skipped = golden.prompt().length - logits.size();
                for (int row = 0; row < logits.size(); row++) {
                    float wanted = golden.logSumExp()[skipped + row];
                    worstLogSumExp =
                            Math.max(worstLogSumExp, Math.abs(wanted - GoldenRunner.logSumExp(logits.get(row))));
                }
            }
            return new Outcome(worstLogit, worstLogSumExp, sequences);
        }
    }

    private GoldenRunner.Sequence sequence(GoldenRunner runner, GoldenCase golden) {
        int half = golden.prompt().length / 2;
        if (!warm || half == 0) {
            return runner.sequence(golden.prompt(), golden.greedy().length);
        }
        GoldenRunner.Sequence first = runner.sequence(Arrays.copyOf(golden.prompt(), half), 1);
        runner.run(List.of(first), chunk);
        return runner.sequenceOver(first, half, golden.prompt(), golden.greedy().length);
    }
}
