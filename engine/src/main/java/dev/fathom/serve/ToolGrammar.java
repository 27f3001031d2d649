package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.text.answer.ToolCallFormat;
import dev.fathom.text.grammar.GrammarSource;
import dev.fathom.text.grammar.JsonFault;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What an answer must follow that may call functions, or must: a structural tag, with a block of calls in the model's own
 * format.
 *
 * @param functions  those that may be called
 * @param need       what is asked of the answer
 * @param parallel   whether a block may have several calls
 */
record ToolGrammar(ToolCallFormat format, List<Function> functions, Need need, boolean parallel) {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    enum Need {
        /** Calls are free, unless the rest of the answer is not. */
        FREE,
        /** Text or calls; what begins as a call must be one. */
        HELD,
        /** Calls and nothing else. */
        DEMANDED
    }

    /** @param parameters what the arguments are held to */
    record Function(String name, JsonNode parameters) {}

    /** @param content what the answer's content must follow, or null; null if the answer is free */
    @Nullable
    GrammarSource source(@Nullable GrammarSource content) {
        ObjectNode answer;
        if (need == Need.DEMANDED) {
            answer = JSON.objectNode().put("type", "sequence");
            ArrayNode elements = answer.putArray("elements");
            if (!format.beforeOpening().isEmpty()) {
                ObjectNode space = elements.addObject().put("type", "optional");
                space.putObject("content").put("type", "const_string").put("value", format.beforeOpening());
            }
            elements.add(block());
        } else if (content != null) {
            answer = JSON.objectNode().put("type", "or");
            answer.putArray("elements").add(format(content)).add(block());
        } else if (need == Need.HELD) {
            answer = JSON.objectNode().put("type", "triggered_tags").put("stop_after_first", true);
            answer.putArray("triggers").add(format.opening());
            answer.putArray("tags").add(block());
        } else {
            return null;
        }
        return tag(answer);
    }

    /** A function's arguments alone. */
    static GrammarSource arguments(ToolCallFormat format, JsonNode parameters) {
        return tag(content(format, parameters));
    }

    private static GrammarSource tag(ObjectNode format) {
        ObjectNode tag = JSON.objectNode().put("type", "structural_tag");
        tag.set("format", format);
        return new GrammarSource(GrammarSource.Kind.STRUCTURAL_TAG, tag.toString());
    }

    private ObjectNode block() {
        ObjectNode calls = JSON.objectNode()
                .put("type", "tags_with_separator")
                .put("separator", format.betweenCalls())
                .put("at_least_one", true)
                .put("stop_after_first", !parallel);
        ArrayNode tags = calls.putArray("tags");
        for (Function function : functions) {
            ObjectNode tag = tags.addObject()
                    .put("type", "tag")
                    .put("begin", format.callStart(function.name()))
                    .put("end", format.afterArguments());
            tag.set("content", content(format, function.parameters()));
        }
        ObjectNode block = JSON.objectNode()
                .put("type", "tag")
                .put("begin", format.opening())
                .put("end", format.closing());
        block.set("content", calls);
        return block;
    }

    private static ObjectNode content(ToolCallFormat format, JsonNode parameters) {
        ObjectNode content = JSON.objectNode()
                .put("type", "json_schema")
                .put("style", format.taggedArguments() ? "deepseek_xml" : "json");
        content.set("json_schema", parameters);
        return content;
    }

    private static ObjectNode format(GrammarSource source) {
        ObjectNode format = JSON.objectNode();
        return switch (source.kind()) {
            case JSON_SCHEMA -> {
                format.put("type", "json_schema").set("json_schema", parsed(source));
                yield format;
            }
            case EBNF -> format.put("type", "grammar").put("grammar", source.text());
            case REGEX -> format.put("type", "regex").put("pattern", source.text());
            case STRUCTURAL_TAG -> {
                if (parsed(source) instanceof ObjectNode tag) {
                    yield tag.put("type", "structural_tag");
                }
                throw RequestException.invalid(source.field(), source.field() + " must be an object.");
            }
        };
    }

    private static JsonNode parsed(GrammarSource source) {
        try {
            return JsonMapper.shared().readTree(source.text());
        } catch (JacksonException e) {
            throw RequestException.invalid(
                    source.field(), source.field() + " is not valid JSON: " + JsonFault.describe(e) + ".");
        }
    }
}
