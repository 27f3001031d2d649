package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.EngineStats;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.GenerationStream;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.CausalLm;
import dev.fathom.model.GoldenCase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Golden cases asked for all at once, from an engine of one shape: first with an empty cache, then again. */
record GoldenEngineRun(int chunk, boolean radix, int pageSize, int slots) {
    void requireAnswers(CausalLm model, KernelBackend kernels, List<GoldenCase> cases) throws InterruptedException {
        EngineConfig config = EngineConfig.defaults(slots, Set.of())
                .withChunkedPrefillSize(chunk)
                .withRadixCache(radix)
                .withPageSize(pageSize)
                .withKvFormat(KvFormat.F32);
        try (Engine engine = Engine.start(model, kernels, Communicator.single(), config, EngineListener.none())) {
            long start = System.nanoTime();
            int cold = ask(engine, cases, "cold");
            int warm = ask(engine, cases, "warm");
            EngineStats stats = engine.stats();
            System.out.printf(
                    "%s: %.1f s, %d steps, cached %d then %d, %d retracted%n",
                    this,
                    (System.nanoTime() - start) / 1e9,
                    stats.steps(),
                    cold,
                    warm,
                    stats.retracted().requests());
            assertThat(stats.kvUsedTokens()).isEqualTo(stats.kvEvictableTokens());
            assertThat(stats.kvUsedTokens() == 0).isEqualTo(!radix);
            assertThat(warm > 0).isEqualTo(radix);
        }
    }

    /** Asks everything at once and returns how many prompt tokens came from the cache. */
    private static int ask(Engine engine, List<GoldenCase> cases, String round) throws InterruptedException {
        List<GenerationStream> streams = new ArrayList<>();
        for (GoldenCase golden : cases) {
            streams.add(engine.submit(GenerationRequest.of(
                    round + golden.number(), golden.prompt(), SamplingParams.greedy(golden.greedy().length))));
        }
        int cached = 0;
        for (int i = 0; i < cases.size(); i++) {
            List<Integer> answer = new ArrayList<>();
            GenerationEvent event = next(streams.get(i));
            while (event instanceof GenerationEvent.Token token) {
                answer.add(token.id());
                event = next(streams.get(i));
            }
            assertThat(answer)
                    .as(streams.get(i).id())
                    .isEqualTo(Arrays.stream(cases.get(i).greedy()).boxed().toList());
            assertThat(event)
                    .isInstanceOfSatisfying(
                            GenerationEvent.Finished.class,
                            finished ->
                                    assertThat(finished.reason()).isEqualTo(new FinishReason.Length(answer.size())));
            cached += ((GenerationEvent.Finished) event).cachedTokens();
        }
        return cached;
    }

    private static GenerationEvent next(GenerationStream stream) throws InterruptedException {
        return Objects.requireNonNull(stream.poll(Duration.ofMinutes(5)), "no event in five minutes");
    }
}
