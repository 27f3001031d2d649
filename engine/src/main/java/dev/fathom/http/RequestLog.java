package dev.fathom.http;

import java.time.Instant;
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

    /** What clients say, and the schemas and grammars they bring along, wherever in the body these stand. */
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
            "response_format",
            "output_format",
            "format",
            "json_schema",
            "regex",
            "ebnf",
            "structural_tag");

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

    /** Whether answers' texts are logged. */
    boolean showsTexts() {
        return enabled && level >= TEXTS;
    }

    /** Logs a request that has come; what was shown of it is for {@link #end}, null while the log is off. */
    @Nullable
    ObjectNode begin(String id, String path, JsonNode body) {
        if (!enabled) {
            return null;
        }
        ObjectNode request = JSON.objectNode().put("rid", id).put("path", path);
        for (Map.Entry<String, JsonNode> field : body.properties()) {
            String name = field.getKey();
            if (!name.equals("rid") && (METADATA.contains(name) || level >= SAMPLING)) {
                show(request, name, field.getValue());
            }
        }
        write("request.received", "Receive: obj=", request, null);
        return request;
    }

    /** Logs that a request has been answered, or has failed or been left. */
    void end(ObjectNode request, AnswerRecord answers) {
        write(
                "request.finished",
                "Finish: obj=",
                request,
                answers.json(level >= TEXTS ? text -> shortened(text) : null));
    }

    private void show(ObjectNode to, String name, JsonNode value) {
        if (!CONTENT.contains(name)) {
            to.set(name, withoutContent(value));
        } else if (level >= TEXTS) {
            to.set(name, shortened(value));
        }
    }

    private JsonNode withoutContent(JsonNode value) {
        if (value.isObject()) {
            ObjectNode shown = JSON.objectNode();
            value.properties().forEach(member -> show(shown, member.getKey(), member.getValue()));
            return shown;
        }
        if (value.isArray()) {
            ArrayNode shown = JSON.arrayNode();
            value.forEach(element -> shown.add(withoutContent(element)));
            return shortened(shown);
        }
        return shortened(value);
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
}
