package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.SamplingParams;
import dev.fathom.api.TokenReports;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.GenerationStream;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.ModelOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Log-probabilities of prompt tokens against the reference's logits at every position. */
class PromptLogprobsGoldenTest {
    /** Twice the bound of a logit, see TinyGoldenTest: a log-probability is a logit less a mean of them. */
    private static final float BOUND = 1e-4f;

    @ParameterizedTest
    @CsvSource({
        // backend, chunk, page, radix, first token reported
        "scalar, 4096, 1, true, 0",
        "vector, 16, 1, true, 0",
        "vector, 16, 16, true, 7",
        "vector, 4096, 16, false, 3",
    })
    @Tag("slow")
    void equalTheReferences(String backend, int chunk, int pageSize, boolean radix, int from) throws Exception {
        List<GoldenCase> cases = GoldenCase.tinyV3();
        EngineConfig config = EngineConfig.defaults(4096, Set.of())
                .withChunkedPrefillSize(chunk)
                .withPageSize(pageSize)
                .withRadixCache(radix)
                .withKvFormat(KvFormat.F32);
        try (TinyModel tiny = TinyModel.open("tiny-deepseek-v3", backend, ModelOptions.DEFAULT);
                Engine engine = Engine.start(
                        tiny.model(), tiny.kernels(), Communicator.single(), config, EngineListener.none())) {
            for (String round : List.of("cold", "warm")) {
                List<GenerationStream> streams = new ArrayList<>();
                for (GoldenCase golden : cases) {
                    streams.add(engine.submit(request(round + golden.number(), golden.prompt(), from)));
                }
                for (int i = 0; i < streams.size(); i++) {
                    requireReport(streams.get(i), cases.get(i), from);
                }
            }
        }
    }

    private static void requireReport(GenerationStream stream, GoldenCase golden, int start)
            throws InterruptedException {
        int from = Math.min(start, golden.prompt().length - 1);
        GenerationEvent event = Objects.requireNonNull(stream.poll(Duration.ofMinutes(5)));
        List<GenerationEvent.Token> tokens = ((GenerationEvent.Prompt) event).tokens();
        assertThat(tokens).hasSize(golden.prompt().length - from);
        for (int i = 1; i < tokens.size(); i++) {
            int position = from + i;
            GenerationEvent.Token token = tokens.get(i);
            float[] logits = golden.logitsAt(position - 1);
            float logSum = golden.logSumExp()[position - 1];
            assertThat(token.id()).isEqualTo(golden.prompt()[position]);
            assertThat(token.logprob()).isCloseTo(logits[token.id()] - logSum, within(BOUND));
            for (GenerationEvent.TokenLogprob top : token.top()) {
                assertThat(top.logprob()).isCloseTo(logits[top.id()] - logSum, within(BOUND));
            }
        }
    }

    private static GenerationRequest request(String id, int[] prompt, int from) {
        var sampling = new SamplingParams(
                0, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, true, 4);
        return new GenerationRequest(
                id,
                prompt,
                sampling,
                0,
                "",
                Guidance.NONE,
                null,
                new TokenReports(Math.min(from, prompt.length - 1), List.of()));
    }
}
