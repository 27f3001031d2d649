package dev.fathom.http;

import dev.fathom.api.FinishReason;
import dev.fathom.serve.Usage;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What every object of one OpenAI answer repeats, and the pieces chat and completions share. */
final class Envelope {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final String id;
    private final String model;
    private final String weightVersion;
    private final boolean cacheReport;
    private final long created = Instant.now().getEpochSecond();

    /** @param cacheReport whether usage says how many prompt tokens were cached */
    Envelope(String id, String model, String weightVersion, boolean cacheReport) {
        this.id = id;
        this.model = model;
        this.weightVersion = weightVersion;
        this.cacheReport = cacheReport;
    }

    ObjectNode object(String kind) {
        return JSON.objectNode()
                .put("id", id)
                .put("object", kind)
                .put("created", created)
                .put("model", model);
    }

    void metadata(ObjectNode answer) {
        answer.putObject("metadata").put("weight_version", weightVersion);
    }

    ObjectNode usage(Usage usage) {
        ObjectNode node = JSON.objectNode()
                .put("prompt_tokens", usage.promptTokens())
                .put("total_tokens", usage.promptTokens() + usage.completionTokens())
                .put("completion_tokens", usage.completionTokens());
        if (cacheReport) {
            node.putObject("prompt_tokens_details").put("cached_tokens", usage.cachedTokens());
        } else {
            node.putNull("prompt_tokens_details");
        }
        node.putObject("completion_tokens_details").put("reasoning_tokens", usage.reasoningTokens());
        return node.put("reasoning_tokens", usage.reasoningTokens());
    }

    /** Sums over sequences; a prompt with several answers counts once, as it was sent once. */
    static Usage total(List<@Nullable Usage> usages, int answersEach) {
        int prompt = 0;
        int completion = 0;
        int cached = 0;
        int reasoning = 0;
        for (int i = 0; i < usages.size(); i++) {
            Usage usage = usages.get(i);
            if (usage == null) {
                continue;
            }
            completion += usage.completionTokens();
            reasoning += usage.reasoningTokens();
            if (i % answersEach == 0) {
                prompt += usage.promptTokens();
                cached += usage.cachedTokens();
            }
        }
        return new Usage(prompt, completion, cached, reasoning);
    }

    static void finish(ObjectNode choice, FinishReason reason) {
        choice.put("finish_reason", name(reason));
        switch (reason) {
            case FinishReason.StopToken token -> choice.put("matched_stop", token.id());
            case FinishReason.StopString stop -> choice.put("matched_stop", stop.text());
            case FinishReason.Length length -> choice.putNull("matched_stop");
            case FinishReason.Aborted aborted -> choice.putNull("matched_stop");
        }
    }

    static void unfinished(ObjectNode choice) {
        choice.putNull("finish_reason").putNull("matched_stop");
    }

    static String name(FinishReason reason) {
        return switch (reason) {
            case FinishReason.Length length -> "length";
            case FinishReason.StopToken token -> "stop";
            case FinishReason.StopString text -> "stop";
            case FinishReason.Aborted aborted -> "abort";
        };
    }
}
