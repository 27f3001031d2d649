package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.SamplingFields;
import dev.fathom.text.grammar.JsonFault;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Sampling parameters that the server prefers where a request says nothing, in the words of {@code /generate}. */
public final class PreferredSampling {
    private PreferredSampling() {}

    /**
     * Reads a JSON object such as {@code {"temperature": 0.6, "top_p": 0.95}}.
     *
     * @throws RequestException if it is none, or names a parameter that does not exist or a value out of range
     */
    public static SamplingFields parse(String json) {
        JsonNode tree;
        try {
            tree = JsonMapper.shared().readTree(json);
        } catch (JacksonException e) {
            throw RequestException.invalid("sampling_params", "it is not valid JSON: " + JsonFault.describe(e) + ".");
        }
        if (!tree.isObject()) {
            throw RequestException.invalid("sampling_params", "it must be a JSON object, got " + tree + ".");
        }
        JsonFields fields = new JsonFields(tree, "");
        SamplingFields preferred = SamplingReader.generate(fields);
        fields.end();
        preferred.check();
        return preferred;
    }
}
