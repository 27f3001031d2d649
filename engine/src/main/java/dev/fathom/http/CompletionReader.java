package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.Prompt;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextRequest;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/completions}: the request. */
final class CompletionReader {
    /** OpenAI's default for {@code max_tokens}. */
    private static final int DEFAULT_MAX_TOKENS = 16;

    private final HttpConfig config;
    private final ServedModel model;

    CompletionReader(HttpConfig config, ServedModel model) {
        this.config = config;
        this.model = model;
    }

    Call read(JsonFields fields) {
        String name = fields.text("model");
        String id = OpenAiFields.requestId(fields, "cmpl-");
        StreamOptions stream = StreamOptions.read(fields);
        List<Prompt> prompts = prompts(fields);
        Integer top = fields.integer("logprobs");
        var logprobs = top == null ? Logprobs.NONE : new Logprobs(true, top);
        boolean echo = fields.flag("echo", false);
        if (echo) {
            logprobs = logprobs.chosen() ? logprobs.withPrompt(0) : logprobs;
        }
        SamplingFields sampling = SamplingReader.openAi(fields, fields.integer("max_tokens"), echo ? 0 : 1);
        Integer bestOf = fields.integer("best_of");
        if (bestOf != null && bestOf != (sampling.n() == null ? 1 : sampling.n())) {
            throw RequestException.notSupported(
                    "best_of", "best_of is not supported yet beyond n itself, got " + bestOf + ".");
        }
        var items = new ArrayList<TextRequest.Item>();
        for (int i = 0; i < prompts.size(); i++) {
            items.add(new TextRequest.Item(itemId(id, i), prompts.get(i), sampling, logprobs));
        }
        var request = new TextRequest(
                items,
                DEFAULT_MAX_TOKENS,
                fields.integer("priority", 0),
                OpenAiFields.cacheKey(fields),
                stream.stream() ? config.streamInterval() : 1);
        OpenAiFields.checkUnserved(fields);
        if (fields.has("suffix") && !"".equals(fields.text("suffix"))) {
            throw RequestException.notSupported(
                    "suffix",
                    "suffix is not supported: DeepSeek's models fill a gap by tokens of their own. Write them into prompt,"
                            + " as the model's card shows.");
        }
        fields.end();
        var envelope = new Envelope(
                id, name == null ? model.name() : name, config.weightVersion(), config.enableCacheReport());
        return new Call(
                id,
                service -> service.start(request),
                answer -> new CompletionFormat(model, envelope, stream, top != null, prefixes(prompts, echo), answer),
                stream.stream());
    }

    /** What each prompt's answers begin with: the prompt, if it is to be echoed. */
    private List<String> prefixes(List<Prompt> prompts, boolean echo) {
        return prompts.stream()
                .map(prompt -> switch (prompt) {
                    case Prompt.Text text -> echo ? text.text() : "";
                    case Prompt.Ids ids -> echo ? model.text(ids.ids()) : "";
                })
                .toList();
    }

    /** Ids of a batch's further prompts begin like the first's, so that one abort ends them all. */
    static String itemId(String id, int item) {
        return item == 0 ? id : id + "#p" + item;
    }

    private static List<Prompt> prompts(JsonFields fields) {
        JsonNode node = fields.node("prompt");
        if (node == null) {
            throw RequestException.invalid("prompt", "prompt is missing: send text, token ids, or a list of either.");
        }
        if (node.isString()) {
            return List.of(new Prompt.Text(node.stringValue()));
        }
        if (!node.isArray()) {
            throw JsonFields.wrongType("prompt", "a string, token ids, or an array of either", node);
        }
        if (node.isEmpty()) {
            throw RequestException.invalid("prompt", "prompt is empty: send at least one prompt.");
        }
        List<JsonNode> elements = List.copyOf(node.values());
        if (elements.getFirst().isNumber()) {
            return List.of(new Prompt.Ids(TokenIds.read("prompt", elements)));
        }
        var prompts = new ArrayList<Prompt>();
        for (JsonNode element : elements) {
            String where = "prompt[" + prompts.size() + "]";
            if (element.isString()) {
                prompts.add(new Prompt.Text(element.stringValue()));
            } else if (element.isArray()) {
                prompts.add(new Prompt.Ids(TokenIds.read(where, List.copyOf(element.values()))));
            } else {
                throw JsonFields.wrongType(where, "a string or an array of token ids", element);
            }
        }
        return prompts;
    }
}
