package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.TextService;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Text to the model's tokens and back, without running it. */
final class TokenizeRoutes {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final TextService text;
    private final JsonBody body;
    private final MessageReader messages;

    TokenizeRoutes(TextService text, JsonBody body, MessageReader messages) {
        this.text = text;
        this.body = body;
        this.messages = messages;
    }

    void register(Routes routes) {
        for (String prefix : List.of("", "/v1")) {
            routes.post(prefix + "/tokenize", this::tokenize).post(prefix + "/detokenize", this::detokenize);
        }
    }

    private void tokenize(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        fields.text("model");
        JsonNode prompt = fields.node("prompt");
        if ((prompt == null) == !fields.has("messages")) {
            throw RequestException.invalid(
                    "prompt",
                    "Either prompt or messages must be given, and not both: got "
                            + (prompt == null ? "neither" : "both") + ".");
        }
        ObjectNode reply = JSON.objectNode();
        if (prompt == null) {
            int[] ids = text.promptIds(conversation(fields));
            reply.set("tokens", array(ids));
            reply.put("count", ids.length);
        } else {
            prompts(prompt, fields.flag("add_special_tokens", true), reply);
        }
        fields.end();
        send(response, reply.put("max_model_len", text.model().contextLength()));
    }

    private ChatRequest conversation(JsonFields fields) {
        List<Map<String, @Nullable Object>> conversation = messages.messages(fields);
        List<Map<String, @Nullable Object>> tools = messages.tools(fields);
        return ChatRequest.of("tokenize", conversation, SamplingFields.NONE)
                .withTools(tools)
                .withTemplateVariables(ThinkingReader.templateVariables(fields, messages));
    }

    private void prompts(JsonNode prompt, boolean special, ObjectNode reply) {
        if (prompt.isString()) {
            int[] ids = text.promptIds(prompt.stringValue(), special);
            reply.set("tokens", array(ids));
            reply.put("count", ids.length);
            return;
        }
        if (!prompt.isArray()) {
            throw JsonFields.wrongType("prompt", "a string or an array of strings", prompt);
        }
        var tokens = new ArrayList<int[]>();
        for (JsonNode one : prompt) {
            if (!one.isString()) {
                throw JsonFields.wrongType("prompt[" + tokens.size() + "]", "a string", one);
            }
            tokens.add(text.promptIds(one.stringValue(), special));
        }
        ArrayNode lists = reply.putArray("tokens");
        ArrayNode counts = reply.putArray("count");
        for (int[] ids : tokens) {
            lists.add(array(ids));
            counts.add(ids.length);
        }
    }

    private void detokenize(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        fields.text("model");
        List<JsonNode> tokens = fields.array("tokens");
        if (tokens == null) {
            throw RequestException.invalid("tokens", "tokens is missing: send token ids, or an array of such lists.");
        }
        boolean skipSpecial = fields.flag("skip_special_tokens", true);
        ObjectNode reply = JSON.objectNode();
        if (tokens.isEmpty() || !tokens.getFirst().isArray()) {
            reply.put("text", text.text(TokenIds.read("tokens", tokens), skipSpecial));
        } else {
            ArrayNode texts = reply.putArray("text");
            for (JsonNode list : tokens) {
                String where = "tokens[" + texts.size() + "]";
                texts.add(text.text(TokenIds.read(where, JsonFields.array(where, list)), skipSpecial));
            }
        }
        fields.end();
        send(response, reply);
    }

    private static ArrayNode array(int[] ids) {
        ArrayNode array = JSON.arrayNode();
        for (int id : ids) {
            array.add(id);
        }
        return array;
    }

    private static void send(ServerResponse response, JsonNode reply) {
        response.header(HeaderValues.CONTENT_TYPE_JSON).send(reply.toString().getBytes(StandardCharsets.UTF_8));
    }
}
