package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.api.TokenReports;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.Prompt;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code POST /generate}: SGLang's native request. */
final class GenerateReader {
    /** SGLang's default for {@code max_new_tokens}. */
    private static final int DEFAULT_MAX_NEW_TOKENS = 128;

    private final HttpConfig config;
    private final ServedModel model;

    GenerateReader(HttpConfig config, ServedModel model) {
        this.config = config;
        this.model = model;
    }

    /** @param batch whether the prompts came as a list, so that the answer is one too */
    private record Prompts(List<Prompt> prompts, boolean batch) {}

    Call read(JsonFields fields) {
        Prompts prompts = prompts(fields);
        int count = prompts.prompts().size();
        boolean stream = fields.flag("stream", false);
        int interval = config.streamInterval();
        List<String> ids = ids(fields, count);
        List<Boolean> wanted = spread(fields, "return_logprob", count, false, GenerateReader::flag);
        List<Integer> tops = spread(fields, "top_logprobs_num", count, 0, JsonFields::integer);
        List<Integer> starts = spread(fields, "logprob_start_len", count, TokenReports.NO_PROMPT, JsonFields::integer);
        List<List<Integer>> asked = askedIds(fields, count);
        List<JsonNode> sampling = samplingNodes(fields, count);
        SamplingFields thinking = SamplingReader.thinking(fields);
        var items = new ArrayList<TextRequest.Item>();
        for (int i = 0; i < count; i++) {
            SamplingFields item = thinking;
            if (!sampling.isEmpty()) {
                String where = sampling.size() == 1 ? "sampling_params" : "sampling_params[" + i + "]";
                JsonFields itemFields = JsonFields.object(where, sampling.get(sampling.size() == 1 ? 0 : i));
                item = SamplingReader.generate(itemFields).orElse(thinking);
                interval = interval(itemFields, interval);
                itemFields.end();
            }
            Logprobs logprobs = wanted.get(i) ? logprobs(tops.get(i), starts.get(i), asked.get(i)) : Logprobs.NONE;
            items.add(new TextRequest.Item(ids.get(i), prompts.prompts().get(i), item, logprobs));
        }
        boolean logprobText = fields.flag("return_text_in_logprobs", false);
        int priority = fields.integer("priority", 0);
        String cacheKey = OpenAiFields.cacheKey(fields);
        checkUnserved(fields);
        fields.end();
        var request = new TextRequest(items, DEFAULT_MAX_NEW_TOKENS, priority, cacheKey, stream ? interval : 1);
        return new Call(
                ids.getFirst(),
                service -> service.start(request),
                answer -> new GenerateFormat(
                        model,
                        new GenerateFormat.Options(
                                prompts.batch() || answer.size() > 1,
                                logprobText,
                                config.weightVersion(),
                                config.incrementalStreaming()),
                        request,
                        answer),
                stream);
    }

    private static int interval(JsonFields sampling, int fallback) {
        Integer own = sampling.integer("stream_interval");
        if (own == null) {
            return fallback;
        }
        if (own < 1) {
            throw RequestException.invalid(
                    "sampling_params.stream_interval",
                    "sampling_params.stream_interval must be at least 1, got " + own + ".");
        }
        return own;
    }

    private static Prompts prompts(JsonFields fields) {
        JsonNode text = fields.node("text");
        JsonNode ids = fields.node("input_ids");
        if ((text == null) == (ids == null)) {
            throw RequestException.invalid(
                    "text",
                    "Either text or input_ids must be given, and not both: got "
                            + (text == null ? "neither." : "both."));
        }
        if (text != null) {
            return texts(text);
        }
        return ids(Objects.requireNonNull(ids));
    }

    private static Prompts texts(JsonNode text) {
        if (text.isString()) {
            return new Prompts(List.of(new Prompt.Text(text.stringValue())), false);
        }
        if (!text.isArray()) {
            throw JsonFields.wrongType("text", "a string or an array of strings", text);
        }
        var prompts = new ArrayList<Prompt>();
        for (JsonNode element : text) {
            if (!element.isString()) {
                throw JsonFields.wrongType("text[" + prompts.size() + "]", "a string", element);
            }
            prompts.add(new Prompt.Text(element.stringValue()));
        }
        return batch("text", prompts);
    }

    private static Prompts ids(JsonNode ids) {
        List<JsonNode> elements = JsonFields.array("input_ids", ids);
        if (elements.isEmpty() || !elements.getFirst().isArray()) {
            return new Prompts(List.of(new Prompt.Ids(TokenIds.read("input_ids", elements))), false);
        }
        var prompts = new ArrayList<Prompt>();
        for (JsonNode element : elements) {
            String where = "input_ids[" + prompts.size() + "]";
            prompts.add(new Prompt.Ids(TokenIds.read(where, JsonFields.array(where, element))));
        }
        return batch("input_ids", prompts);
    }

    private static Prompts batch(String field, List<Prompt> prompts) {
        if (prompts.isEmpty()) {
            throw RequestException.invalid(field, field + " is empty: send at least one prompt.");
        }
        return new Prompts(prompts, true);
    }

    private static List<String> ids(JsonFields fields, int count) {
        JsonNode rid = fields.node("rid");
        if (rid != null && rid.isArray()) {
            List<String> ids = fields.textOrTexts("rid");
            if (ids == null || ids.size() != count) {
                throw wrongLength("rid", count, rid.size());
            }
            if (ids.stream().distinct().count() != count) {
                throw RequestException.invalid("rid", "rid must not repeat an id.");
            }
            return ids;
        }
        String id = OpenAiFields.requestId(fields, "");
        var ids = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            ids.add(CompletionReader.itemId(id, i));
        }
        return ids;
    }

    private static List<JsonNode> samplingNodes(JsonFields fields, int count) {
        JsonNode params = fields.node("sampling_params");
        if (params == null) {
            return List.of();
        }
        if (!params.isArray()) {
            return List.of(params);
        }
        if (params.size() != count) {
            throw wrongLength("sampling_params", count, params.size());
        }
        return List.copyOf(params.values());
    }

    private static Logprobs logprobs(int top, int start, List<Integer> asked) {
        if (start < TokenReports.NO_PROMPT) {
            throw RequestException.invalid(
                    "logprob_start_len",
                    "logprob_start_len must be -1 (none of the prompt) or a position in the prompt, got " + start
                            + ".");
        }
        return new Logprobs(true, top, new TokenReports(start, asked));
    }

    /** One list for all prompts, or a list of lists. */
    private static List<List<Integer>> askedIds(JsonFields fields, int count) {
        String name = "token_ids_logprob";
        List<JsonNode> nodes = fields.array(name);
        if (nodes == null) {
            return Collections.nCopies(count, List.of());
        }
        var asked = new ArrayList<List<Integer>>();
        boolean perPrompt = nodes.stream().anyMatch(node -> !node.isNumber());
        if (perPrompt && nodes.size() != count) {
            throw wrongLength(name, count, nodes.size());
        }
        for (int i = 0; i < count; i++) {
            if (perPrompt && nodes.get(i).isNull()) {
                asked.add(List.of());
            } else {
                String where = perPrompt ? name + "[" + i + "]" : name;
                List<JsonNode> ids = perPrompt ? JsonFields.array(where, nodes.get(i)) : nodes;
                asked.add(Arrays.stream(TokenIds.read(where, ids)).boxed().toList());
            }
        }
        return asked;
    }

    private static void checkUnserved(JsonFields fields) {
        fields.refuse(
                "input_embeds",
                "image_data",
                "audio_data",
                "video_data",
                "modalities",
                "lora_path",
                "lora_id",
                "session_params",
                "custom_logit_processor",
                "return_hidden_states",
                "return_routed_experts",
                "background",
                "conversation_id",
                "custom_labels",
                "no_logs",
                "return_bytes",
                "return_entropy",
                "bootstrap_pair_key",
                "bootstrap_host",
                "bootstrap_port",
                "bootstrap_room",
                "routed_dp_rank",
                "data_parallel_rank");
        fields.flag("log_metrics");
        fields.text("model"); // sglang-router puts one into every request
    }

    /** A value for every prompt: one for all, or a list with one for each. */
    private static <T> List<T> spread(
            JsonFields fields, String name, int count, T fallback, BiFunction<String, JsonNode, T> read) {
        JsonNode node = fields.node(name);
        var values = new ArrayList<T>();
        if (node != null && node.isArray() && node.size() != count) {
            throw wrongLength(name, count, node.size());
        }
        for (int i = 0; i < count; i++) {
            values.add(value(name, node, i, fallback, read));
        }
        return values;
    }

    private static <T> T value(
            String name, @Nullable JsonNode node, int i, T fallback, BiFunction<String, JsonNode, T> read) {
        if (node == null) {
            return fallback;
        }
        return node.isArray() ? read.apply(name + "[" + i + "]", node.get(i)) : read.apply(name, node);
    }

    private static boolean flag(String where, JsonNode node) {
        if (!node.isBoolean()) {
            throw JsonFields.wrongType(where, "a boolean", node);
        }
        return node.booleanValue();
    }

    private static RequestException wrongLength(String name, int wanted, int got) {
        return RequestException.invalid(
                name, name + " must have one entry for each of the " + wanted + " prompts, got " + got + ".");
    }
}
