package dev.fathom.engine;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.SamplingParams;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** What a request got, and what it must get: the same as alone, without batch, cache or slots. */
final class Answers {
    /** More than any test needs; only a hanging engine reaches it. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    private Answers() {}

    /** @param last  Finished or Failed */
    record Answer(List<Integer> tokens, GenerationEvent last) {
        FinishReason reason() {
            if (last instanceof GenerationEvent.Finished finished) {
                return finished.reason();
            }
            throw new AssertionError("the request failed: " + last);
        }
    }

    /** Takes all events of a stream. */
    static Answer take(GenerationStream stream) throws InterruptedException {
        return take(stream, Integer.MAX_VALUE);
    }

    /** Takes all events of a stream and aborts it after that many tokens. */
    static Answer take(GenerationStream stream, int abortAfter) throws InterruptedException {
        List<Integer> tokens = new ArrayList<>();
        while (true) {
            if (tokens.size() == abortAfter) {
                stream.abort();
            }
            GenerationEvent event = stream.poll(PATIENCE);
            if (event == null) {
                throw new AssertionError("request " + stream.id() + " got no event for " + PATIENCE);
            }
            if (!(event instanceof GenerationEvent.Token token)) {
                return new Answer(tokens, event);
            }
            tokens.add(token.id());
        }
    }

    /** The answer of {@link FakeLm} to a request that has a seed or is greedy. */
    static Answer alone(int[] prompt, SamplingParams sampling, int maxNewTokens, Set<Integer> endIds) {
        int[] tokens = Arrays.copyOf(prompt, prompt.length + maxNewTokens);
        int size = prompt.length;
        Sampler sampler = new Sampler(FakeLm.VOCABULARY, endIds);
        TokenCounts counts = new TokenCounts(prompt, prompt.length);
        List<Integer> output = new ArrayList<>();
        FinishReason reason = new FinishReason.Length(maxNewTokens);
        try (StepScratch scratch = new StepScratch(1024)) {
            Tensor row = scratch.f32(1, FakeLm.VOCABULARY);
            while (output.size() < maxNewTokens) {
                FakeLm.logitsAfter(tokens, size, row);
                double uniform = Draw.uniform(sampling.seed().orElse(0), size);
                int id = sampler.sample(row, 0, sampling, counts, output.size(), uniform)
                        .id();
                tokens[size++] = id;
                counts.addOutput(id);
                output.add(id);
                boolean ends = endIds.contains(id) || sampling.stopTokenIds().contains(id);
                if (ends && !sampling.ignoreEos()) {
                    reason = new FinishReason.StopToken(id);
                    break;
                }
            }
        }
        return new Answer(output, new GenerationEvent.Finished(reason, prompt.length, output.size(), 0));
    }
}
