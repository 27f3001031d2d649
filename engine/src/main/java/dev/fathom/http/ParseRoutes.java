package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.TextService;
import dev.fathom.text.answer.Answer;
import dev.fathom.text.answer.AnswerReading;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Takes text apart that a model wrote elsewhere. */
final class ParseRoutes {
    private final AnswerSyntax syntax;
    private final JsonBody body;
    private final MessageReader messages;

    ParseRoutes(TextService text, JsonBody body, MessageReader messages) {
        this.syntax = text.model().syntax();
        this.body = body;
        this.messages = messages;
    }

    void register(Routes routes) {
        routes.post("/separate_reasoning", this::separateReasoning)
                .post("/parse_function_call", this::parseFunctionCall);
    }

    private void separateReasoning(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        String text = text(fields);
        ReasoningFormat format = ReasoningFormat.choose(fields.text("reasoning_parser"), syntax.reasoning())
                .orElseThrow(() -> unknown(fields, "reasoning_parser", ReasoningFormat.allNames()));
        fields.end();
        Answer answer = Answer.of(text, AnswerReading.ofReasoning(format, format.opensIn("")));
        send(
                response,
                JsonNodeFactory.instance
                        .objectNode()
                        .put("reasoning_text", answer.reasoning())
                        .put("text", answer.content()));
    }

    private void parseFunctionCall(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        String text = text(fields);
        Set<String> functions = new HashSet<>(messages.functionNames(fields));
        if (functions.isEmpty()) {
            throw RequestException.invalid("tools", "tools is missing: send the functions that may be called.");
        }
        ToolCallFormat format = ToolCallFormat.choose(fields.text("tool_call_parser"), syntax.toolCalls())
                .orElseThrow(() -> unknown(fields, "tool_call_parser", ToolCallFormat.allNames()));
        fields.end();
        Answer answer = Answer.of(text, AnswerReading.ofToolCalls(format, functions));
        ObjectNode reply = JsonNodeFactory.instance.objectNode().put("normal_text", answer.content());
        ArrayNode calls = reply.putArray("calls");
        for (Answer.Call call : answer.calls()) {
            int index = calls.size();
            calls.addObject().put("tool_index", index).put("name", call.name()).put("parameters", call.arguments());
        }
        send(response, reply);
    }

    private static String text(JsonFields fields) {
        String text = fields.text("text");
        if (text == null) {
            throw RequestException.invalid("text", "text is missing: send what the model wrote.");
        }
        return text;
    }

    private static RequestException unknown(JsonFields fields, String field, String names) {
        @Nullable String given = fields.text(field);
        return RequestException.invalid(
                field,
                given == null
                        ? field + " is missing, and the served model shows none: use one of " + names + "."
                        : field + " must be one of " + names + ", got \"" + given + "\".");
    }

    private static void send(ServerResponse response, JsonNode reply) {
        response.header(HeaderValues.CONTENT_TYPE_JSON).send(reply.toString().getBytes(StandardCharsets.UTF_8));
    }
}
