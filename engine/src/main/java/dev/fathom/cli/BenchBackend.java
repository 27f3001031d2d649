package dev.fathom.cli;

import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The endpoints a benchmark can drive, by the names bench_serving gives them. */
enum BenchBackend {
    /** The native endpoint: every event carries the number of tokens so far. */
    SGLANG("/generate") {
        @Override
        ObjectNode body(BenchPlan.Item item, String model, boolean ignoreEos) {
            ObjectNode body = NODES.objectNode();
            body.set("input_ids", ids(item));
            body.putObject("sampling_params")
                    .put("temperature", 0)
                    .put("max_new_tokens", item.outputTokens())
                    .put("ignore_eos", ignoreEos);
            return body.put("stream", true);
        }

        @Override
        int tokens(JsonNode event, int before) {
            return event.path("meta_info").path("completion_tokens").asInt(before);
        }
    },
    /** OpenAI's completions: an event is a token, unless the usage at the end says otherwise. */
    SGLANG_OAI("/v1/completions") {
        @Override
        ObjectNode body(BenchPlan.Item item, String model, boolean ignoreEos) {
            ObjectNode body = NODES.objectNode();
            body.put("model", model);
            body.set("prompt", ids(item));
            body.put("temperature", 0)
                    .put("max_tokens", item.outputTokens())
                    .put("ignore_eos", ignoreEos)
                    .put("stream", true);
            body.putObject("stream_options").put("include_usage", true);
            return body;
        }

        @Override
        int tokens(JsonNode event, int before) {
            JsonNode usage = event.path("usage").path("completion_tokens");
            if (usage.isNumber()) {
                return usage.asInt();
            }
            return event.path("choices").path(0).path("text").asString("").isEmpty() ? before : before + 1;
        }
    };

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final String path;

    BenchBackend(String path) {
        this.path = path;
    }

    String path() {
        return path;
    }

    /** The name bench_serving has: sglang-oai. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static BenchBackend of(String name) {
        for (BenchBackend backend : values()) {
            if (backend.toString().equals(name)) {
                return backend;
            }
        }
        throw CliException.usage("--backend must be sglang or sglang-oai, got " + name + ".");
    }

    abstract ObjectNode body(BenchPlan.Item item, String model, boolean ignoreEos);

    /** Tokens generated so far, after an event. */
    abstract int tokens(JsonNode event, int before);

    private static ArrayNode ids(BenchPlan.Item item) {
        ArrayNode ids = NODES.arrayNode();
        for (int id : item.promptIds()) {
            ids.add(id);
        }
        return ids;
    }
}
