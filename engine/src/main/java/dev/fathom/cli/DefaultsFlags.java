package dev.fathom.cli;

import dev.fathom.api.RequestException;
import dev.fathom.http.PreferredSampling;
import dev.fathom.load.LoadedModel;
import dev.fathom.serve.SamplingFields;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the sampling fields come from that requests leave open: flags of the server. */
final class DefaultsFlags {
    @Option(
            names = "--sampling-defaults",
            paramLabel = "NAME",
            description = "Fields that requests leave open: model (generation_config.json) or openai (constants).")
    private String source = "model";

    @Option(
            names = "--preferred-sampling-params",
            paramLabel = "JSON",
            description = "What comes before these defaults, in the words of /generate, such as '{\"top_p\": 0.9}'.")
    private @Nullable String preferred;

    /** Refuses wrong values before a large model is loaded for nothing. */
    void check() {
        if (!source.equals("model") && !source.equals("openai")) {
            throw CliException.usage("--sampling-defaults must be model or openai, got " + source + ".");
        }
        preferred();
    }

    SamplingFields of(LoadedModel loaded) {
        SamplingFields model =
                source.equals("model") ? SamplingFields.of(loaded.generationDefaults()) : SamplingFields.NONE;
        return preferred().orElse(model);
    }

    /** Adds what /get_server_info shows. */
    void describe(Map<String, @Nullable Object> arguments) {
        arguments.put("sampling_defaults", source);
        arguments.put("preferred_sampling_params", preferred);
    }

    private SamplingFields preferred() {
        try {
            return preferred == null ? SamplingFields.NONE : PreferredSampling.parse(preferred);
        } catch (RequestException e) {
            throw CliException.usage("--preferred-sampling-params: " + e.getMessage());
        }
    }
}
