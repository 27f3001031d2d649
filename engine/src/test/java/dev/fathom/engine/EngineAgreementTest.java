package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.EngineStats;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Answers.Answer;
import dev.fathom.kernels.KvFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Many requests at once, in every shape of engine: each answer is the one given alone, and no slot is lost. */
class EngineAgreementTest {
    private static final long SEED = 7_2026;
    private static final int CONTEXT = 160;
    private static final Set<Integer> END_IDS = Set.of(0);

    @ParameterizedTest
    @CsvSource({
        // page, chunk, slots, radix, policy, running
        "1,  16,  4000, true,  FCFS, 64",
        "1,   1,  4000, true,  FCFS, 16",
        "1,   0,  4000, true,  LPM,  64",
        "16, 16,  4000, true,  LPM,  64",
        "16, 4096, 4000, false, FCFS, 64",
        "4,   7,  4000, true,  FCFS, 3",
        "1,  16,   170, true,  FCFS, 64",
        "1,  16,   170, false, FCFS, 64",
        "16, 32,   176, true,  LPM,  64",
        "3,   5,   120, true,  FCFS, 64",
        "1,   0,   120, true,  FCFS, 64",
        "8,   0,   120, false, LPM,  64",
    })
    void answersEachRequestAsIfItWereAlone(
            int pageSize, int chunk, int slots, boolean radix, SchedulePolicy policy, int running) throws Exception {
        System.out.println("EngineAgreementTest seed " + SEED);
        EngineConfig config = EngineConfig.defaults(slots, END_IDS)
                .withPageSize(pageSize)
                .withChunkedPrefillSize(chunk)
                .withMaxPrefillTokens(64)
                .withRadixCache(radix)
                .withPolicy(policy)
                .withMaxRunningRequests(running)
                .withKvFormat(KvFormat.F32);
        try (Engine engine = Engine.start(
                        new FakeLm(CONTEXT), new NoKernels(), Communicator.single(), config, EngineListener.none());
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> done = new ArrayList<>();
            for (int client = 0; client < 24; client++) {
                SplittableRandom random = new SplittableRandom(SEED + client);
                String name = "client" + client;
                done.add(clients.submit(() -> talk(engine, name, random)));
            }
            int aborted = 0;
            for (Future<Integer> future : done) {
                aborted += future.get();
            }
            checkAtRest(engine, 24 * 12, aborted);
        }
    }

    private static void checkAtRest(Engine engine, int requests, int aborted) {
        EngineStats stats = engine.stats();
        assertThat(stats.runningRequests()).isZero();
        assertThat(stats.queuedRequests()).isZero();
        assertThat(stats.finishedRequests() + stats.abortedRequests()).isEqualTo(requests);
        assertThat(stats.abortedRequests()).isEqualTo(aborted);
        assertThat(stats.kvUsedTokens()).isEqualTo(stats.kvEvictableTokens());
        assertThat(stats.kvUsedTokens() + stats.kvAvailableTokens()).isEqualTo(stats.kvTotalTokens());
        if (engine.config().radixCache()) {
            assertThat(stats.cachedTokens()).isPositive();
        } else {
            assertThat(stats.kvUsedTokens()).isZero();
            assertThat(stats.cachedTokens()).isZero();
        }
        assertThat(engine.flushCache()).isTrue();
        assertThat(engine.stats().kvUsedTokens()).isZero();
    }

    /** Sends requests one after the other and returns how many of them ended as aborted. */
    private static int talk(Engine engine, String name, SplittableRandom random) throws InterruptedException {
        int aborted = 0;
        for (int i = 0; i < 12; i++) {
            int[] prompt = prompt(random);
            SamplingParams sampling = sampling(random, CONTEXT - prompt.length);
            String key = random.nextInt(6) == 0 ? "private" : "";
            GenerationStream stream =
                    engine.submit(new GenerationRequest(name + "-" + i, prompt, sampling, random.nextInt(3), key));
            boolean abort = random.nextInt(8) == 0;
            Answer answer = Answers.take(stream, abort ? random.nextInt(4) : Integer.MAX_VALUE);
            int room = engine.config().capacity() - prompt.length + 1;
            Answer expected = Answers.alone(prompt, sampling, Math.min(sampling.maxNewTokens(), room), END_IDS);
            if (answer.reason() instanceof FinishReason.Aborted) {
                assertThat(abort).isTrue();
                assertThat(answer.tokens())
                        .isEqualTo(expected.tokens().subList(0, answer.tokens().size()));
                aborted++;
            } else {
                assertThat(answer.tokens()).as(stream.id()).isEqualTo(expected.tokens());
                assertThat(answer.reason()).isEqualTo(expected.reason());
            }
            GenerationEvent.Finished last = (GenerationEvent.Finished) answer.last();
            assertThat(last.promptTokens()).isEqualTo(prompt.length);
            assertThat(last.completionTokens()).isEqualTo(answer.tokens().size());
            assertThat(last.cachedTokens()).isBetween(0, prompt.length - 1);
        }
        return aborted;
    }

    /** Most prompts begin with one of three long prefixes. */
    private static int[] prompt(SplittableRandom random) {
        int shared = random.nextInt(4);
        int[] prompt = new int[random.nextInt(1, 100)];
        int common = shared == 0 ? 0 : random.nextInt(80);
        Arrays.setAll(prompt, i -> i < common ? (i * shared) % 60 + 1 : random.nextInt(FakeLm.VOCABULARY));
        return prompt;
    }

    private static SamplingParams sampling(SplittableRandom random, int longest) {
        int maxNew = random.nextInt(Math.min(longest, 60) + 1);
        boolean greedy = random.nextBoolean();
        boolean penalties = random.nextInt(4) == 0;
        return new SamplingParams(
                maxNew,
                random.nextInt(4) == 0 ? Math.min(5, maxNew) : 0,
                greedy ? 0 : 0.8f,
                random.nextBoolean() ? 1 : 0.9f,
                random.nextBoolean() ? -1 : 20,
                random.nextInt(3) == 0 ? 0.05f : 0,
                penalties ? 0.5f : 0,
                penalties ? 0.3f : 0,
                penalties ? 1.2f : 1,
                random.nextInt(4) == 0 ? Map.of(5, 1.5f) : Map.of(),
                OptionalLong.of(random.nextLong()),
                random.nextInt(4) == 0 ? Set.of(7) : Set.of(),
                random.nextInt(4) == 0,
                false,
                0);
    }
}
