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
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * {@code POST /v1/score}: how likely each of a few tokens is to follow a query with an item. Query and items are all texts
 * or all token ids.
 */
final class ScoreReader {
    private final ServedModel model;

    ScoreReader(ServedModel model) {
        this.model = model;
    }

    Call read(JsonFields fields) {
        String name = fields.text("model");
        JsonNode query = fields.node("query");
        JsonNode items = fields.node("items");
        List<Integer> labels = labels(fields);
        boolean softmax = fields.flag("apply_softmax", false);
        boolean itemFirst = fields.flag("item_first", false);
        String id = OpenAiFields.requestId(fields, "score-");
        int priority = fields.integer("priority", 0);
        fields.end();
        List<Prompt> prompts = prompts(query, items, itemFirst);
        var logprobs = new Logprobs(true, 0, new TokenReports(TokenReports.NO_PROMPT, labels));
        SamplingFields one =
                SamplingFields.builder().maxNewTokens(1).temperature(0f).n(1).build();
        List<TextRequest.Item> texts = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            texts.add(new TextRequest.Item(CompletionReader.itemId(id, i), prompts.get(i), one, logprobs));
        }
        var request = new TextRequest(texts, 1, priority, "", 1);
        String shown = name == null ? model.name() : name;
        return new Call(id, service -> service.start(request), answer -> new ScoreFormat(shown, softmax), false);
    }

    private static List<Integer> labels(JsonFields fields) {
        int @Nullable [] labels = TokenIds.read(fields, "label_token_ids");
        if (labels == null || labels.length == 0) {
            throw RequestException.invalid(
                    "label_token_ids",
                    "label_token_ids is missing: send the token ids whose probability is the score.");
        }
        return Arrays.stream(labels).boxed().toList();
    }

    private static List<Prompt> prompts(@Nullable JsonNode query, @Nullable JsonNode items, boolean itemFirst) {
        if (query == null || items == null) {
            throw RequestException.invalid(
                    query == null ? "query" : "items", (query == null ? "query" : "items") + " is missing.");
        }
        List<JsonNode> all = items.isString() ? List.of(items) : JsonFields.array("items", items);
        if (all.isEmpty()) {
            throw RequestException.invalid("items", "items is empty: send at least one item.");
        }
        List<Prompt> prompts = new ArrayList<>();
        for (JsonNode item : all) {
            String where = "items[" + prompts.size() + "]";
            if (query.isString()) {
                if (!item.isString()) {
                    throw JsonFields.wrongType(where, "a string, as query is", item);
                }
                String q = query.stringValue();
                prompts.add(new Prompt.Text(itemFirst ? item.stringValue() + q : q + item.stringValue()));
            } else {
                int[] q = TokenIds.read("query", JsonFields.array("query", query));
                int[] i = TokenIds.read(where, JsonFields.array(where, item));
                prompts.add(new Prompt.Ids(itemFirst ? joined(i, q) : joined(q, i)));
            }
        }
        return prompts;
    }

    private static int[] joined(int[] first, int[] second) {
        int[] joined = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, joined, first.length, second.length);
        return joined;
    }
}
