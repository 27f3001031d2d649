package dev.fathom.http;

import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The log of requests and their answers, at SGLang's levels: 0 who asked for what model, 1 with how tokens are chosen, 2 with
 * the beginnings and ends of texts, 3 with all of them. It can be turned on and off while the server runs.
 */
final class RequestLog {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final int SAMPLING = 1;
    private static final int TEXTS = 2;
    private static final int WHOLE_TEXTS = 3;

    /** SGLang's bound for what level 2 shows of one value (characters). */
    private static final int SHOWN = 2048;

    private static final Set<String> METADATA =
            Set.of("model", "rid", "stream", "priority", "user", "n", "service_tier");
    private static final Set<String> CONTENT = Set.of(
            "text",
            "prompt",
            "messages",
            "input_ids",
            "input",
            "instructions",
            "system",
            "tools",
            "query",
            "items",
            "sampling_params.json_schema",
            "response_format");

    private final boolean json;
    private final Consumer<String> sink;
    private volatile boolean enabled;
    private volatile int level;

    RequestLog(HttpConfig.RequestLogging options) {
        json = options.json();
        sink = options.sink();
        enabled = options.enabled();
        level = options.level();
    }

    /** Changes what is not null. */
    void configure(@Nullable Boolean on, @Nullable Integer newLevel) {
        if (newLevel != null) {
            level = HttpConfig.RequestLogging.checkedLevel("log_requests_level", newLevel);
        }
        if (on != null) {
            enabled = on;
        }
    }

    /** A request and what becomes of it; null while the log is off. */
    @Nullable
    Entry begin(String id, String path, JsonNode body) {
        if (!enabled) {
            return null;
        }
        ObjectNode request = JSON.objectNode().put("rid", id).put("path", path);
        for (Map.Entry<String, JsonNode> field : body.properties()) {
            String name = field.getKey();
            if (!name.equals("rid") && isShown(name)) {
                request.set(name, CONTENT.contains(name) ? shortened(field.getValue()) : field.getValue());
            }
        }
        write("request.received", "Receive: obj=", request, null);
        return new Entry(request);
    }

    private boolean isShown(String name) {
        return METADATA.contains(name) || level >= (CONTENT.contains(name) ? TEXTS : SAMPLING);
    }

    private JsonNode shortened(JsonNode value) {
        String text = value.isString() ? value.stringValue() : value.toString();
        return level >= WHOLE_TEXTS || text.length() <= SHOWN ? value : JSON.stringNode(shortened(text));
    }

    private String shortened(String text) {
        return level >= WHOLE_TEXTS || text.length() <= SHOWN
                ? text
                : text.substring(0, SHOWN / 2) + " ... " + text.substring(text.length() - SHOWN / 2);
    }

    private void write(String event, String words, ObjectNode request, @Nullable ArrayNode answers) {
        if (json) {
            ObjectNode line =
                    JSON.objectNode().put("timestamp", Instant.now().toString()).put("event", event);
            line.set("rid", request.get("rid"));
            line.set("obj", request);
            if (answers != null) {
                line.set("out", answers);
            }
            sink.accept(line.toString());
        } else {
            sink.accept(words + request + (answers == null ? "" : ", out=" + answers));
        }
    }

    /** One request that was logged, and its answers so far. Used by one thread. */
    final class Entry {
        private final ObjectNode request;
        private final ArrayNode answers = JSON.arrayNode();
        private final Map<Integer, StringBuilder> texts = new java.util.HashMap<>();

        private Entry(ObjectNode request) {
            this.request = request;
        }

        void add(TextEvent.Delta delta) {
            if (level >= TEXTS) {
                texts.computeIfAbsent(delta.index(), unseen -> new StringBuilder())
                        .append(delta.text());
            }
        }

        void add(TextEvent.Finished finished) {
            StringBuilder text = texts.getOrDefault(finished.index(), new StringBuilder());
            add(
                    text.toString(),
                    Envelope.name(finished.reason()),
                    finished.usage(),
                    finished.elapsed().toNanos());
        }

        void add(List<TextResult> results) {
            results.forEach(result -> add(
                    result.text(),
                    Envelope.name(result.reason()),
                    result.usage(),
                    result.elapsed().toNanos()));
        }

        private void add(String text, String reason, dev.fathom.serve.Usage usage, long nanos) {
            ObjectNode answer = answers.addObject();
            if (level >= TEXTS) {
                answer.put("text", shortened(text));
            }
            answer.put("finish_reason", reason)
                    .put("prompt_tokens", usage.promptTokens())
                    .put("completion_tokens", usage.completionTokens())
                    .put("cached_tokens", usage.cachedTokens())
                    .put("e2e_latency", nanos / 1e9);
        }

        /** The request has been answered, or has failed or been left. */
        void end(@Nullable Throwable failure) {
            if (failure != null) {
                answers.addObject().put("error", String.valueOf(failure.getMessage()));
            }
            write("request.finished", "Finish: obj=", request, answers);
        }
    }
}
