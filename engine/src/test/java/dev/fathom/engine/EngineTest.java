package dev.fathom.engine;

import static dev.fathom.engine.Engines.CONTEXT;
import static dev.fathom.engine.Engines.config;
import static dev.fathom.engine.Engines.ids;
import static dev.fathom.engine.Engines.refused;
import static dev.fathom.engine.Engines.request;
import static dev.fathom.engine.Engines.start;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.EngineStats;
import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.SamplingParams;
import dev.fathom.engine.Answers.Answer;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KvFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What one request gets from an engine. */
@Timeout(60)
class EngineTest {
    @Test
    void streamsTokensAndThenOneFinish() throws Exception {
        try (Engine engine = start(config(1000), step -> {})) {
            int[] prompt = {1, 2, 3};
            GenerationStream stream = engine.submit(request("a", prompt, 5));
            Answer answer = Answers.take(stream);
            assertThat(answer).isEqualTo(Answers.alone(prompt, SamplingParams.greedy(5), 5, Set.of()));
            assertThat(answer.last()).isEqualTo(new GenerationEvent.Finished(new FinishReason.Length(5), 3, 5, 0));
            assertThatThrownBy(stream::take).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void endsReasoningThatIsTooLong() throws Exception {
        int[] prompt = {1, 2, 3};
        try (Engine engine = start(config(1000), step -> {})) {
            Answer free = Answers.take(engine.submit(request("free", prompt, 8)));
            int[] own = free.tokens().stream().mapToInt(Integer::intValue).toArray();
            int[] ids = guided(engine, "late", prompt, new Guidance(63, 3));
            assertThat(Arrays.copyOf(ids, 4)).containsExactly(own[0], own[1], own[2], 63);
            int[] early = guided(engine, "early", prompt, new Guidance(own[1], 3));
            assertThat(Arrays.copyOf(early, 2)).containsExactly(own[0], own[1]);
            assertThat(guided(engine, "none", prompt, new Guidance(Guidance.NO_REASONING, 0)))
                    .containsExactly(own);
            Guidance outside = new Guidance(64, 3);
            assertThatThrownBy(() -> guided(engine, "outside", prompt, outside))
                    .hasMessageContaining("Token id 64, which ends the reasoning, is outside");
        }
    }

    private static int[] guided(Engine engine, String id, int[] prompt, Guidance guidance) throws Exception {
        GenerationRequest request = new GenerationRequest(id, prompt, SamplingParams.greedy(8), 0, "", guidance, null);
        return Answers.take(engine.submit(request)).tokens().stream()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Test
    void computesThePromptOnlyWhenNoTokenIsWanted() throws Exception {
        try (Engine engine = start(config(1000).withChunkedPrefillSize(4), step -> {})) {
            Answer answer = Answers.take(engine.submit(request("a", ids(10), 0)));
            assertThat(answer.tokens()).isEmpty();
            assertThat(answer.reason()).isEqualTo(new FinishReason.Length(0));
            assertThat(engine.stats().kvUsedTokens()).isEqualTo(10);
            GenerationEvent.Finished again = (GenerationEvent.Finished)
                    Answers.take(engine.submit(request("b", ids(10), 1))).last();
            assertThat(again.cachedTokens()).isEqualTo(9);
        }
    }

    @Test
    void endsAtStopIdsUnlessTheyAreIgnored() throws Exception {
        try (Engine engine = start(config(1000), step -> {})) {
            int[] prompt = {9, 8, 7};
            List<Integer> free =
                    Answers.take(engine.submit(request("free", prompt, 6))).tokens();
            int stop = free.get(3);
            Answer stopped = Answers.take(engine.submit(GenerationRequest.of("stop", prompt, stopAt(stop, false, 0))));
            assertThat(stopped.tokens()).isEqualTo(free.subList(0, free.indexOf(stop) + 1));
            assertThat(stopped.reason()).isEqualTo(new FinishReason.StopToken(stop));
            Answer ignored = Answers.take(engine.submit(GenerationRequest.of("ignore", prompt, stopAt(stop, true, 0))));
            assertThat(ignored.tokens()).isEqualTo(free);
            Answer late = Answers.take(engine.submit(GenerationRequest.of("late", prompt, stopAt(stop, false, 6))));
            assertThat(late.tokens()).hasSize(6).doesNotContain(stop);
        }
    }

    @Test
    void recomputesWhatItRetractsAndLosesNothing() throws Exception {
        for (int pageSize : new int[] {1, 4}) {
            for (boolean radix : new boolean[] {true, false}) {
                AtomicInteger retracted = new AtomicInteger();
                EngineListener listener = new EngineListener() {
                    @Override
                    public void retracted(int requests) {
                        retracted.addAndGet(requests);
                    }
                };
                EngineConfig config =
                        config(120).withPageSize(pageSize).withRadixCache(radix).withChunkedPrefillSize(8);
                try (Engine engine = start(config, listener, step -> {})) {
                    List<GenerationStream> streams = new ArrayList<>();
                    for (int i = 0; i < 12; i++) {
                        streams.add(engine.submit(request("r" + i, new int[] {i, 2, 3, 4, 5}, 60)));
                    }
                    for (int i = 0; i < 12; i++) {
                        Answer answer = Answers.take(streams.get(i));
                        int[] prompt = {i, 2, 3, 4, 5};
                        assertThat(answer.tokens())
                                .isEqualTo(Answers.alone(prompt, SamplingParams.greedy(60), 60, Set.of())
                                        .tokens());
                    }
                    assertThat(retracted.get()).isPositive();
                    EngineStats stats = engine.stats();
                    assertThat(stats.retracted().requests()).isEqualTo(retracted.get());
                    assertThat(stats.retracted().inputTokens()).isEqualTo(5L * retracted.get());
                    assertThat(stats.retracted().outputTokens()).isBetween(1L, 60L * retracted.get());
                    assertThat(stats.newTokenRatio()).isBetween(0.0, 1.0);
                    assertThat(stats.decodeTokens()).as("nothing runs").isZero();
                    assertThat(engine.stats().kvUsedTokens())
                            .isEqualTo(engine.stats().kvEvictableTokens());
                }
            }
        }
    }

    @Test
    void refusesWhatCannotFit() {
        try (Engine engine = start(config(100), step -> {})) {
            refused(
                    engine,
                    request("a", ids(CONTEXT), 1),
                    ErrorCode.PROMPT_TOO_LONG,
                    "The input (200 tokens) is longer than the model's context length (200 tokens).");
            refused(
                    engine,
                    request("b", ids(99), 150),
                    ErrorCode.PROMPT_TOO_LONG,
                    "You requested a total of 249 tokens: 99 tokens from the input messages and 150 tokens");
            refused(engine, request("c", ids(100), 1), ErrorCode.PROMPT_TOO_LONG, "key-value cache of 100 tokens");
            refused(engine, request("d", new int[] {1, 64}, 1), ErrorCode.INVALID_REQUEST, "Token id 64");
            refused(engine, request("e", new int[] {-1}, 1), ErrorCode.INVALID_REQUEST, "Token id -1");
            assertThat(engine.stats().queuedRequests()).isZero();
        }
    }

    @Test
    void cutsWhatIsTooLongWhereThatIsAllowed() throws Exception {
        try (Engine engine = start(config(1000).withAllowAutoTruncate(true), step -> {})) {
            Answer answer = Answers.take(engine.submit(request("a", ids(300), 50)));
            GenerationEvent.Finished last = (GenerationEvent.Finished) answer.last();
            assertThat(last.promptTokens()).isEqualTo(CONTEXT - 1);
            assertThat(last.completionTokens()).isEqualTo(1);
        }
    }

    @Test
    void stopsForLengthWhereTheCacheIsFull() throws Exception {
        try (Engine engine = start(config(20), step -> {})) {
            Answer answer = Answers.take(engine.submit(request("a", ids(10), 100)));
            assertThat(answer.reason()).isEqualTo(new FinishReason.Length(11));
            assertThat(answer.tokens())
                    .isEqualTo(Answers.alone(ids(10), SamplingParams.greedy(11), 11, Set.of())
                            .tokens());
        }
    }

    @Test
    void tellsItsListenerWhatHappens() throws Exception {
        ConcurrentLinkedQueue<Object> told = new ConcurrentLinkedQueue<>();
        EngineListener listener = new EngineListener() {
            @Override
            public void prefill(PrefillStats stats) {
                told.add(stats);
            }

            @Override
            public void decode(DecodeStats stats) {
                told.add(stats);
            }

            @Override
            public void finished(RequestTiming timing) {
                told.add(timing);
            }
        };
        try (Engine engine = start(config(100).withDecodeLogInterval(5), listener, step -> {})) {
            Answers.take(engine.submit(request("a", ids(10), 7)));
            Answers.take(engine.submit(request("b", ids(10), 1)));
            assertThat(told).hasSize(5);
            assertThat(told.poll()).isEqualTo(new PrefillStats(1, 10, 0, 0.1, 0, 0));
            assertThat(told.poll()).isInstanceOfSatisfying(DecodeStats.class, stats -> {
                assertThat(stats.runningRequests()).isEqualTo(1);
                assertThat(stats.tokens()).isEqualTo(15);
                assertThat(stats.tokenUsage()).isEqualTo(0.15);
                assertThat(stats.tokensPerSecond()).isPositive();
            });
            assertThat(told.poll()).isInstanceOfSatisfying(RequestTiming.class, timing -> {
                assertThat(timing.id()).isEqualTo("a");
                assertThat(timing.completionTokens()).isEqualTo(7);
                assertThat(timing.queueNanos()).isBetween(0L, timing.timeToFirstTokenNanos());
                assertThat(timing.timeToFirstTokenNanos()).isBetween(1L, timing.totalNanos());
            });
            assertThat(told.poll()).isEqualTo(new PrefillStats(1, 1, 9, 0.1, 0, 0));
            EngineStats stats = engine.stats();
            assertThat(stats.promptTokens()).isEqualTo(20);
            assertThat(stats.cachedTokens()).isEqualTo(9);
            assertThat(stats.cacheHitRate()).isEqualTo(0.45);
            assertThat(stats.generatedTokens()).isEqualTo(8);
            assertThat(stats.finishedRequests()).isEqualTo(2);
            assertThat(stats.steps()).isEqualTo(8);
            assertThat(stats.generationRate()).isZero();
        }
    }

    @Test
    void drawsTheSameForASeedWhateverSharesTheBatch() throws Exception {
        SamplingParams sampled = new SamplingParams(
                20, 0, 1, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.of(11), Set.of(), false, false, 0);
        try (Engine engine = start(config(4000), step -> {})) {
            List<Integer> alone = Answers.take(engine.submit(GenerationRequest.of("alone", ids(6), sampled)))
                    .tokens();
            List<GenerationStream> others = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                others.add(engine.submit(request("other" + i, ids(6 + i), 30)));
            }
            assertThat(Answers.take(engine.submit(GenerationRequest.of("again", ids(6), sampled)))
                            .tokens())
                    .isEqualTo(alone);
            for (GenerationStream other : others) {
                Answers.take(other);
            }
        }
    }

    private static SamplingParams stopAt(int id, boolean ignore, int minNewTokens) {
        return new SamplingParams(
                6, minNewTokens, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(id), ignore, false, 0);
    }

    @Test
    void refusesACacheThatItsKernelsDoNotServe() {
        EngineConfig config = Engines.config(64).withKvFormat(KvFormat.FP8_E4M3);
        assertThatThrownBy(() -> Engines.start(config, step -> {}))
                .isInstanceOf(KernelException.class)
                .hasMessage("The kernels \"none\" do not serve a cache in FP8_E4M3, only in [F32];"
                        + " choose another --kv-cache-dtype, or --device cpu");
    }
}
