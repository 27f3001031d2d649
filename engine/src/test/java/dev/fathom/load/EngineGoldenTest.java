package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.EngineStats;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.GenerationStream;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.deepseek.DeepSeekModel;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The nano model's reference answers, asked for all at once, from an engine in each of its shapes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineGoldenTest {
    private static final int THREADS = 2;
    /** The longest case has 924 prompt tokens. */
    private static final int SHORT_PROMPT = 200;

    private final KernelBackend kernels = new VectorBackend(THREADS);
    private final CheckpointFiles files = Bf16NanoCheckpoint.embeddedFp8();
    private final SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none());
    private final DeepSeekModel model = DeepSeekModel.load(
            HfConfig.parse(files.read("config.json"), files.describe("config.json")),
            weights,
            kernels,
            ModelOptions.DEFAULT);
    private List<Case> cases = List.of();

    private record Case(int number, int[] prompt, List<Integer> answer) {}

    @BeforeAll
    void readCases() throws IOException {
        String name = "golden/nano/nano_fp8.json";
        List<Case> read = new ArrayList<>();
        try (InputStream in = Objects.requireNonNull(getClass().getClassLoader().getResourceAsStream(name), name)) {
            for (JsonNode node : new ObjectMapper().readTree(in).get("cases")) {
                int[] prompt = ints(node.get("prompt_ids")).stream()
                        .mapToInt(Integer::intValue)
                        .toArray();
                read.add(new Case(read.size(), prompt, ints(node.get("greedy_ids"))));
            }
        }
        assertThat(read).hasSize(12);
        cases = read;
    }

    @AfterAll
    void close() {
        model.close();
        weights.close();
        kernels.close();
    }

    @Test
    void equalsTheReferenceOnSomeCases() throws Exception {
        List<Case> some = cases.stream()
                .filter(c -> c.prompt().length < SHORT_PROMPT && c.answer().size() < 40)
                .toList();
        assertThat(some).hasSizeGreaterThan(4);
        run(some, 16, true, 16, 4096);
    }

    @Tag("slow")
    @ParameterizedTest
    @CsvSource({
        // chunk, radix, page, slots
        "16,   true,  1,  8192",
        "16,   true,  16, 8192",
        "16,   false, 1,  8192",
        "16,   false, 16, 8192",
        "4096, true,  1,  8192",
        "4096, true,  16, 8192",
        "4096, false, 1,  8192",
        "4096, false, 16, 8192",
        "64,   true,  16, 1024",
    })
    void equalsTheReferenceInEveryShape(int chunk, boolean radix, int pageSize, int slots) throws Exception {
        run(cases, chunk, radix, pageSize, slots);
    }

    private void run(List<Case> asked, int chunk, boolean radix, int pageSize, int slots) throws Exception {
        EngineConfig config = EngineConfig.defaults(slots, Set.of())
                .withChunkedPrefillSize(chunk)
                .withRadixCache(radix)
                .withPageSize(pageSize)
                .withKvFormat(KvFormat.F32);
        try (Engine engine = Engine.start(model, kernels, Communicator.single(), config, EngineListener.none())) {
            long start = System.nanoTime();
            int cold = ask(engine, asked, "cold");
            int warm = ask(engine, asked, "warm");
            EngineStats stats = engine.stats();
            System.out.printf(
                    "chunk %d, radix %s, page %d, %d slots: %.1f s, %d steps, cached %d then %d, %d retracted%n",
                    chunk,
                    radix,
                    pageSize,
                    slots,
                    (System.nanoTime() - start) / 1e9,
                    stats.steps(),
                    cold,
                    warm,
                    stats.retractedRequests());
            assertThat(stats.kvUsedTokens()).isEqualTo(stats.kvEvictableTokens());
            assertThat(stats.kvUsedTokens() == 0).isEqualTo(!radix);
            assertThat(warm > 0).isEqualTo(radix);
        }
    }

    /** Asks everything at once and returns how many prompt tokens came from the cache. */
    private static int ask(Engine engine, List<Case> asked, String round) throws InterruptedException {
        List<GenerationStream> streams = new ArrayList<>();
        for (Case c : asked) {
            streams.add(engine.submit(GenerationRequest.of(
                    round + c.number(),
                    c.prompt(),
                    SamplingParams.greedy(c.answer().size()))));
        }
        int cached = 0;
        for (int i = 0; i < asked.size(); i++) {
            List<Integer> answer = new ArrayList<>();
            GenerationEvent event = next(streams.get(i));
            while (event instanceof GenerationEvent.Token token) {
                answer.add(token.id());
                event = next(streams.get(i));
            }
            assertThat(answer).as(streams.get(i).id()).isEqualTo(asked.get(i).answer());
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

    private static List<Integer> ints(JsonNode array) {
        List<Integer> values = new ArrayList<>();
        array.forEach(node -> values.add(node.intValue()));
        return values;
    }
}
