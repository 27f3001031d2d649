package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.ToolChoice;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The field {@code tool_choice}. */
final class ToolChoiceReader {
    private ToolChoiceReader() {}

    /** Null is {@code none}: the model does not even hear of the tools. */
    static @Nullable ToolChoice read(JsonFields fields) {
        JsonNode choice = fields.node("tool_choice");
        if (choice == null) {
            return new ToolChoice.Auto();
        }
        if (choice.isObject()) {
            return named(fields);
        }
        return switch (choice.isString() ? choice.stringValue() : "") {
            case "auto" -> new ToolChoice.Auto();
            case "none" -> null;
            case "required" -> new ToolChoice.Required();
            default ->
                throw RequestException.invalid(
                        "tool_choice",
                        "tool_choice must be auto, none, required, or {\"type\": \"function\", \"function\": {\"name\":"
                                + " ...}}, got " + choice + ".");
        };
    }

    private static ToolChoice named(JsonFields fields) {
        JsonFields choice = fields.object("tool_choice");
        JsonFields function = choice == null ? null : choice.object("function");
        String name = function == null ? null : function.text("name");
        if (choice == null || name == null || !"function".equals(choice.text("type"))) {
            throw RequestException.invalid(
                    "tool_choice",
                    "tool_choice as an object must be {\"type\": \"function\", \"function\": {\"name\": ...}}.");
        }
        choice.end();
        return new ToolChoice.Named(name);
    }
}
