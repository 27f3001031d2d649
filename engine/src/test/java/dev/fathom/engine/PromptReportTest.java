package dev.fathom.engine;

import static dev.fathom.engine.Engines.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.api.TokenReports;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptReportTest {
    private static final int TOP = 3;
    private static final List<Integer> ASKED = List.of(9, 0);

    @ParameterizedTest
    @CsvSource({
        // page, chunk, slots, radix
        "1,  16, 4000, true",
        "1,   1, 4000, true",
        "16, 32, 4000, true",
        "4,   0, 4000, false",
        "1,  16,  170, true",
        "3,   5,  150, true",
        "8,   0,  160, false",
    })
    void explainsPromptsWhateverIsCachedOrRetracted(int pageSize, int chunk, int slots, boolean radix)
            throws InterruptedException {
        long seed = 20_261_130L + slots + chunk;
        System.out.println("PromptReportTest seed " + seed);
        var random = new SplittableRandom(seed);
        EngineConfig config = config(slots)
                .withPageSize(pageSize)
                .withChunkedPrefillSize(chunk)
                .withMaxPrefillTokens(64)
                .withRadixCache(radix);
        try (Engine engine = Engines.start(config, step -> {})) {
            for (int round = 0; round < 12; round++) {
                List<GenerationRequest> requests = new ArrayList<>();
                List<GenerationStream> streams = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    requests.add(request(round + "-" + i, random));
                    streams.add(engine.submit(requests.get(i)));
                }
                for (int i = 0; i < streams.size(); i++) {
                    requireReport(requests.get(i), streams.get(i));
                }
            }
            assertThat(engine.stats().kvUsedTokens()).isEqualTo(engine.stats().kvEvictableTokens());
        }
    }

    @Test
    void answersAPromptOfOneTokenAndAnOutputOfNone() throws InterruptedException {
        try (Engine engine = Engines.start(config(100), step -> {})) {
            requireReport(request("one", new int[] {5}, 0, 0), engine.submit(request("one", new int[] {5}, 0, 0)));
            int[] ids = Engines.ids(20);
            requireReport(request("two", ids, 19, 0), engine.submit(request("two", ids, 19, 0)));
        }
    }

    @Test
    void usesTheCacheOnlyUpToTheFirstReportedToken() throws InterruptedException {
        try (Engine engine = Engines.start(config(400), step -> {})) {
            int[] ids = Engines.ids(60);
            Answers.take(engine.submit(Engines.request("first", ids, 2)));
            GenerationStream stream = engine.submit(request("second", ids, 40, 1));
            requireReport(request("second", ids, 40, 1), stream);
            assertThat(engine.stats().cachedTokens()).isEqualTo(40);
        }
    }

    @Test
    void refusesAStartBeyondThePromptAndUnknownTokens() {
        assertThatThrownBy(() -> request("r", new int[] {1, 2}, 2, 1))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("logprob_start_len (2) must be less than the number of input tokens (2)");
        try (Engine engine = Engines.start(config(100), step -> {})) {
            var request = new GenerationRequest(
                    "r",
                    new int[] {1},
                    SamplingParams.greedy(1),
                    0,
                    "",
                    Guidance.NONE,
                    null,
                    new TokenReports(TokenReports.NO_PROMPT, List.of(64)));
            Engines.refused(engine, request, ErrorCode.INVALID_REQUEST, "token_ids_logprob has the token id 64");
        }
    }

    private static GenerationRequest request(String id, SplittableRandom random) {
        int shared = random.nextInt(1, 4);
        int[] prompt = new int[random.nextInt(1, 100)];
        int common = random.nextInt(80);
        Arrays.setAll(prompt, i -> i < common ? (i * shared) % 60 + 1 : random.nextInt(FakeLm.VOCABULARY));
        return request(id, prompt, random.nextInt(prompt.length), random.nextInt(50));
    }

    private static GenerationRequest request(String id, int[] prompt, int from, int maxNewTokens) {
        var sampling = new SamplingParams(
                maxNewTokens, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, true, TOP);
        return new GenerationRequest(id, prompt, sampling, 0, "", Guidance.NONE, null, new TokenReports(from, ASKED));
    }

    /** The report comes first; its numbers and those of the output are what the model alone says. */
    private static void requireReport(GenerationRequest request, GenerationStream stream) throws InterruptedException {
        int[] prompt = request.promptIds();
        int from = request.reports().promptFrom();
        GenerationEvent first = Objects.requireNonNull(stream.poll(Answers.PATIENCE));
        assertThat(first).isInstanceOf(GenerationEvent.Prompt.class);
        List<Token> report = ((GenerationEvent.Prompt) first).tokens();
        assertThat(report.stream().map(Token::id).toList())
                .isEqualTo(Arrays.stream(prompt, from, prompt.length).boxed().toList());
        assertThat(report.getFirst().logprob()).isNaN();
        assertThat(report.getFirst().top()).isEmpty();
        int[] all = Arrays.copyOf(prompt, prompt.length + request.sampling().maxNewTokens());
        for (int i = 1; i < report.size(); i++) {
            requireExplained(report.get(i), all, from + i);
        }
        int size = prompt.length;
        GenerationEvent event = Objects.requireNonNull(stream.poll(Answers.PATIENCE));
        while (event instanceof Token token) {
            all[size] = token.id();
            requireExplained(token, all, size++);
            event = Objects.requireNonNull(stream.poll(Answers.PATIENCE));
        }
        assertThat(event).isInstanceOf(GenerationEvent.Finished.class);
    }

    private static void requireExplained(Token token, int[] tokens, int position) {
        try (StepScratch scratch = new StepScratch(1024)) {
            Tensor row = scratch.f32(1, FakeLm.VOCABULARY);
            FakeLm.logitsAfter(tokens, position, row);
            double sum = 0;
            for (int id = 0; id < FakeLm.VOCABULARY; id++) {
                sum += Math.exp(row.get(0, id));
            }
            double logSum = Math.log(sum);
            assertThat(token.logprob()).isCloseTo((float) (row.get(0, token.id()) - logSum), within(1e-5f));
            assertThat(token.top()).hasSize(TOP);
            for (GenerationEvent.TokenLogprob other : token.top()) {
                assertThat(other.logprob()).isCloseTo((float) (row.get(0, other.id()) - logSum), within(1e-5f));
            }
            assertThat(token.asked().stream()
                            .map(GenerationEvent.TokenLogprob::id)
                            .toList())
                    .isEqualTo(ASKED);
            assertThat(token.asked().getFirst().logprob()).isCloseTo((float) (row.get(0, 9) - logSum), within(1e-5f));
        }
    }
}
