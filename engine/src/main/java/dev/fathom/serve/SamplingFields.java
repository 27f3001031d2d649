package dev.fathom.serve;

import dev.fathom.api.SamplingParams;
import dev.fathom.load.GenerationDefaults;
import dev.fathom.text.grammar.GrammarSource;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The sampling part of a request as it was sent: a null field was not given and takes the next best default
 * (request, then the server's preferred parameters, then the model's generation_config.json, then SGLang's constants).
 *
 * @param maxNewTokens       most tokens to generate; without any default the rest of the context
 * @param stop               strings that end the text; they are cut off unless {@code noStopTrim}
 * @param skipSpecialTokens  whether special tokens are left out of the text, true unless said otherwise
 * @param n                  number of answers for each prompt
 * @param maxThinkingTokens  after so many tokens of reasoning its end is written; without any default there is no bound
 * @param grammar            what the answer must follow
 */
public record SamplingFields(
        @Nullable Integer maxNewTokens,
        @Nullable Integer minNewTokens,
        @Nullable Float temperature,
        @Nullable Float topP,
        @Nullable Integer topK,
        @Nullable Float minP,
        @Nullable Float frequencyPenalty,
        @Nullable Float presencePenalty,
        @Nullable Float repetitionPenalty,
        @Nullable Map<Integer, Float> logitBias,
        @Nullable Long seed,
        @Nullable List<String> stop,
        @Nullable Set<Integer> stopTokenIds,
        @Nullable Boolean ignoreEos,
        @Nullable Boolean skipSpecialTokens,
        @Nullable Boolean noStopTrim,
        @Nullable Integer n,
        @Nullable Integer maxThinkingTokens,
        @Nullable GrammarSource grammar) {

    public static final SamplingFields NONE = builder().build();

    public static Builder builder() {
        return new Builder();
    }

    /** Temperature 0, at most {@code maxNewTokens} tokens. */
    public static SamplingFields greedy(int maxNewTokens) {
        return builder().temperature(0f).maxNewTokens(maxNewTokens).build();
    }

    /** What generation_config.json says. Transformers writes 0 where all tokens are meant, SGLang -1. */
    public static SamplingFields of(GenerationDefaults model) {
        Integer topK = model.topK().orElse(null);
        return builder()
                .temperature(model.temperature().orElse(null))
                .topP(model.topP().orElse(null))
                .topK(topK != null && topK == 0 ? Integer.valueOf(-1) : topK)
                .minP(model.minP().orElse(null))
                .repetitionPenalty(model.repetitionPenalty().orElse(null))
                .build();
    }

    /** Fills what is not given here from {@code fallback}. */
    public SamplingFields orElse(SamplingFields fallback) {
        return new SamplingFields(
                or(maxNewTokens, fallback.maxNewTokens),
                or(minNewTokens, fallback.minNewTokens),
                or(temperature, fallback.temperature),
                or(topP, fallback.topP),
                or(topK, fallback.topK),
                or(minP, fallback.minP),
                or(frequencyPenalty, fallback.frequencyPenalty),
                or(presencePenalty, fallback.presencePenalty),
                or(repetitionPenalty, fallback.repetitionPenalty),
                or(logitBias, fallback.logitBias),
                or(seed, fallback.seed),
                or(stop, fallback.stop),
                or(stopTokenIds, fallback.stopTokenIds),
                or(ignoreEos, fallback.ignoreEos),
                or(skipSpecialTokens, fallback.skipSpecialTokens),
                or(noStopTrim, fallback.noStopTrim),
                or(n, fallback.n),
                or(maxThinkingTokens, fallback.maxThinkingTokens),
                or(grammar, fallback.grammar));
    }

    /**
     * Checks what is given here by itself, as every request is checked.
     *
     * @throws dev.fathom.api.RequestException naming the first field out of range
     */
    public void check() {
        int most = maxNewTokens == null ? Integer.MAX_VALUE : maxNewTokens;
        new SamplingParams(
                most,
                minNewTokens == null ? 0 : minNewTokens,
                temperature == null ? 1 : temperature,
                topP == null ? 1 : topP,
                topK == null ? -1 : topK,
                minP == null ? 0 : minP,
                frequencyPenalty == null ? 0 : frequencyPenalty,
                presencePenalty == null ? 0 : presencePenalty,
                repetitionPenalty == null ? 1 : repetitionPenalty,
                logitBias == null ? Map.of() : logitBias,
                OptionalLong.empty(),
                stopTokenIds == null ? Set.of() : stopTokenIds,
                false,
                false,
                0);
    }

    private static <T> @Nullable T or(@Nullable T value, @Nullable T fallback) {
        return value != null ? value : fallback;
    }

    /** Collects fields; what is never set, or set to null, counts as not given. */
    public static final class Builder {
        private @Nullable Integer maxNewTokens;
        private @Nullable Integer minNewTokens;
        private @Nullable Float temperature;
        private @Nullable Float topP;
        private @Nullable Integer topK;
        private @Nullable Float minP;
        private @Nullable Float frequencyPenalty;
        private @Nullable Float presencePenalty;
        private @Nullable Float repetitionPenalty;
        private @Nullable Map<Integer, Float> logitBias;
        private @Nullable Long seed;
        private @Nullable List<String> stop;
        private @Nullable Set<Integer> stopTokenIds;
        private @Nullable Boolean ignoreEos;
        private @Nullable Boolean skipSpecialTokens;
        private @Nullable Boolean noStopTrim;
        private @Nullable Integer n;
        private @Nullable Integer maxThinkingTokens;
        private @Nullable GrammarSource grammar;

        private Builder() {}

        public Builder maxNewTokens(@Nullable Integer value) {
            maxNewTokens = value;
            return this;
        }

        public Builder minNewTokens(@Nullable Integer value) {
            minNewTokens = value;
            return this;
        }

        public Builder temperature(@Nullable Float value) {
            temperature = value;
            return this;
        }

        public Builder topP(@Nullable Float value) {
            topP = value;
            return this;
        }

        public Builder topK(@Nullable Integer value) {
            topK = value;
            return this;
        }

        public Builder minP(@Nullable Float value) {
            minP = value;
            return this;
        }

        public Builder frequencyPenalty(@Nullable Float value) {
            frequencyPenalty = value;
            return this;
        }

        public Builder presencePenalty(@Nullable Float value) {
            presencePenalty = value;
            return this;
        }

        public Builder repetitionPenalty(@Nullable Float value) {
            repetitionPenalty = value;
            return this;
        }

        public Builder logitBias(@Nullable Map<Integer, Float> value) {
            logitBias = value;
            return this;
        }

        public Builder seed(@Nullable Long value) {
            seed = value;
            return this;
        }

        public Builder stop(@Nullable List<String> value) {
            stop = value;
            return this;
        }

        public Builder stopTokenIds(@Nullable Set<Integer> value) {
            stopTokenIds = value;
            return this;
        }

        public Builder ignoreEos(@Nullable Boolean value) {
            ignoreEos = value;
            return this;
        }

        public Builder skipSpecialTokens(@Nullable Boolean value) {
            skipSpecialTokens = value;
            return this;
        }

        public Builder noStopTrim(@Nullable Boolean value) {
            noStopTrim = value;
            return this;
        }

        public Builder n(@Nullable Integer value) {
            n = value;
            return this;
        }

        public Builder maxThinkingTokens(@Nullable Integer value) {
            maxThinkingTokens = value;
            return this;
        }

        public Builder grammar(@Nullable GrammarSource value) {
            grammar = value;
            return this;
        }

        public SamplingFields build() {
            return new SamplingFields(
                    maxNewTokens,
                    minNewTokens,
                    temperature,
                    topP,
                    topK,
                    minP,
                    frequencyPenalty,
                    presencePenalty,
                    repetitionPenalty,
                    logitBias,
                    seed,
                    stop,
                    stopTokenIds,
                    ignoreEos,
                    skipSpecialTokens,
                    noStopTrim,
                    n,
                    maxThinkingTokens,
                    grammar);
        }
    }
}
