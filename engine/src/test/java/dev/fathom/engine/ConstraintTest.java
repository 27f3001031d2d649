package dev.fathom.engine;

import static dev.fathom.engine.Engines.config;
import static dev.fathom.engine.Engines.ids;
import static dev.fathom.engine.Engines.request;
import static dev.fathom.engine.Engines.start;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.api.TokenConstraint;
import dev.fathom.api.TokenMask;
import dev.fathom.engine.Answers.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sequences that must follow something. */
@Timeout(60)
class ConstraintTest {
    private static final int END = 0;

    /** Tokens in rising order, odd and even in turns; from {@code length} tokens on the end may come, and must at last. */
    private record Rising(int length) implements TokenConstraint {
        @Override
        public TokenMask begin() {
            return new TokenMask() {
                private int last = 1;
                private int count;
                private boolean ended;

                @Override
                public long[] allowed() {
                    long bits = 0;
                    for (int id = last + 1; id < FakeLm.VOCABULARY; id += 2) {
                        bits |= 1L << id;
                    }
                    return new long[] {count >= length ? 1L << END | bits : bits};
                }

                @Override
                public void accept(int id) {
                    ended = id == END;
                    last = id;
                    count++;
                }

                @Override
                public boolean ended() {
                    return ended;
                }
            };
        }
    }

    @Test
    void followsItsConstraintAndEndsWithIt() throws Exception {
        try (Engine engine = start(config(1000), step -> {})) {
            GenerationRequest request =
                    new GenerationRequest("a", ids(3), sampling(40, true), 0, "", Guidance.NONE, new Rising(2));
            Answer answer = Answers.take(engine.submit(request));
            List<Integer> tokens = answer.tokens();
            assertThat(answer.reason()).isEqualTo(new FinishReason.StopToken(END));
            assertThat(tokens).endsWith(END).hasSizeGreaterThan(2);
            for (int i = 1; i < tokens.size() - 1; i++) {
                assertThat(tokens.get(i)).isGreaterThan(tokens.get(i - 1));
                assertThat((tokens.get(i) - tokens.get(i - 1)) % 2).isEqualTo(1);
            }
        }
    }

    @Test
    void goesOnAfterARetractionAsIfNothingHadHappened() throws Exception {
        List<List<Integer>> alone = new ArrayList<>();
        try (Engine engine = start(config(1000), step -> {})) {
            for (int i = 0; i < 6; i++) {
                alone.add(Answers.take(engine.submit(rising(i))).tokens());
            }
        }
        try (Engine engine = start(config(90), step -> {})) {
            List<GenerationStream> streams = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                streams.add(engine.submit(rising(i)));
            }
            for (int i = 0; i < 6; i++) {
                assertThat(Answers.take(streams.get(i)).tokens()).isEqualTo(alone.get(i));
            }
            assertThat(engine.stats().retracted().requests()).isPositive();
        }
    }

    private static GenerationRequest rising(int i) {
        int[] prompt = {i + 1, 2, 3};
        return new GenerationRequest("r" + i, prompt, sampling(30, false), 0, "", Guidance.NONE, new Slow());
    }

    /** Any tokens but every fourth, so that sequences get long. */
    private record Slow() implements TokenConstraint {
        @Override
        public TokenMask begin() {
            return new TokenMask() {
                private int count;

                @Override
                public long[] allowed() {
                    return new long[] {0x7777777777777776L << count % 2};
                }

                @Override
                public void accept(int id) {
                    count++;
                }

                @Override
                public boolean ended() {
                    return false;
                }
            };
        }
    }

    @Test
    void failsOnlyTheRequestWhoseConstraintFails() throws Exception {
        TokenConstraint broken = () -> new TokenMask() {
            @Override
            public long[] allowed() {
                throw RequestException.invalid("grammar", "too hard");
            }

            @Override
            public void accept(int id) {}

            @Override
            public boolean ended() {
                return false;
            }
        };
        try (Engine engine = start(config(1000), step -> {})) {
            GenerationStream good = engine.submit(request("good", ids(4), 8));
            GenerationStream bad = engine.submit(
                    new GenerationRequest("bad", ids(5), SamplingParams.greedy(8), 0, "", Guidance.NONE, broken));
            assertThat(Answers.take(good).tokens()).hasSize(8);
            assertThat(Answers.take(bad).last())
                    .isInstanceOfSatisfying(
                            GenerationEvent.Failed.class,
                            failed -> assertThat(failed.error()).hasMessage("too hard"));
            assertThat(Answers.take(engine.submit(request("next", ids(4), 8))).tokens())
                    .hasSize(8);
        }
    }

    private static SamplingParams sampling(int most, boolean ignoreEos) {
        return new SamplingParams(
                most, 0, 1, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.of(5), Set.of(END), ignoreEos, false, 0);
    }
}
