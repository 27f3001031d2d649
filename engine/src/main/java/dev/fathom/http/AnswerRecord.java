package dev.fathom.http;

import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.Usage;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What a request has been answered so far. Written by the thread that answers, read by any. */
final class AnswerRecord {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final boolean texts;
    private final Map<Integer, StringBuilder> written = new HashMap<>();
    private final ArrayNode ended = JSON.arrayNode();

    /** @param texts whether what is answered is kept, beside how it ended */
    AnswerRecord(boolean texts) {
        this.texts = texts;
    }

    synchronized void add(TextEvent.Delta delta) {
        if (texts) {
            written.computeIfAbsent(delta.index(), unseen -> new StringBuilder())
                    .append(delta.text());
        }
    }

    synchronized void add(TextEvent.Finished finished) {
        StringBuilder text = written.remove(finished.index());
        add(
                text == null ? "" : text.toString(),
                Envelope.name(finished.reason()),
                finished.usage(),
                finished.elapsed());
    }

    synchronized void add(List<TextResult> results) {
        written.clear();
        results.forEach(result -> add(result.text(), Envelope.name(result.reason()), result.usage(), result.elapsed()));
    }

    private void add(String text, String reason, Usage usage, Duration elapsed) {
        ObjectNode answer = ended.addObject();
        if (texts) {
            answer.put("text", text);
        }
        answer.put("finish_reason", reason)
                .put("prompt_tokens", usage.promptTokens())
                .put("completion_tokens", usage.completionTokens())
                .put("cached_tokens", usage.cachedTokens())
                .put("e2e_latency", elapsed.toNanos() / 1e9);
    }

    synchronized void failed(Throwable failure) {
        ended.addObject().put("error", String.valueOf(failure.getMessage()));
    }

    /**
     * One object for each sequence that ended or failed, then one for each that is still written.
     *
     * @param shown what is shown of a text; null leaves texts out
     */
    synchronized ArrayNode json(@Nullable UnaryOperator<String> shown) {
        ArrayNode all = ended.deepCopy();
        written.values().forEach(text -> all.addObject().put("text", text.toString()));
        for (var answer : all) {
            var text = answer.get("text");
            if (shown == null) {
                ((ObjectNode) answer).remove("text");
            } else if (text != null) {
                ((ObjectNode) answer).put("text", shown.apply(text.stringValue()));
            }
        }
        return all;
    }
}
