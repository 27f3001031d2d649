package dev.fathom.cli;

import dev.fathom.serve.SamplingFields;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How tokens are chosen, for the commands that generate. What is not given is the model's own choice. */
final class SamplingFlags {
    @Option(names = "--max-tokens", paramLabel = "N", description = "Most tokens of an answer. Default: to its end.")
    private @Nullable Integer maxTokens;

    @Option(names = "--temperature", paramLabel = "T", description = "0 is greedy. Default: the model's.")
    private @Nullable Float temperature;

    @Option(names = "--top-p", paramLabel = "P", description = "Default: the model's.")
    private @Nullable Float topP;

    @Option(names = "--top-k", paramLabel = "K", description = "Default: the model's.")
    private @Nullable Integer topK;

    @Option(names = "--seed", paramLabel = "N", description = "Fixes what is drawn.")
    private @Nullable Long seed;

    @Option(names = "--thinking", negatable = true, description = "Let the model reason first, where its template can.")
    private @Nullable Boolean thinking;

    ChatBackend.Settings settings() {
        return new ChatBackend.Settings(thinking, maxTokens, temperature, topP, topK, seed);
    }

    static SamplingFields fields(ChatBackend.Settings settings) {
        return SamplingFields.builder()
                .maxNewTokens(settings.maxTokens())
                .temperature(settings.temperature())
                .topP(settings.topP())
                .topK(settings.topK())
                .seed(settings.seed())
                .build();
    }
}
