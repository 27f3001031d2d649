package dev.fathom.http;

import dev.fathom.text.answer.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/** What a client of OpenAI's chat API reads in replies. */
final class ChatReplies {
    private ChatReplies() {}

    /** The message of a whole reply. */
    static Answer whole(JsonNode reply, int choice) {
        JsonNode message = reply.at("/choices/" + choice + "/message");
        var calls = new ArrayList<Answer.Call>();
        for (JsonNode call : message.get("tool_calls")) {
            if (!call.get("id").stringValue().startsWith("call_")
                    || !call.get("type").stringValue().equals("function")
                    || call.get("index").intValue() != calls.size()) {
                throw new AssertionError("not a call: " + call);
            }
            calls.add(new Answer.Call(
                    call.at("/function/name").stringValue(),
                    call.at("/function/arguments").stringValue()));
        }
        return new Answer(text(message, "reasoning_content"), text(message, "content"), calls);
    }

    /** The deltas of a stream, put together as OpenAI's client does. */
    static Answer streamed(List<JsonNode> frames, int choice) {
        var reasoning = new StringBuilder();
        var content = new StringBuilder();
        Map<Integer, String> names = new TreeMap<>();
        Map<Integer, StringBuilder> arguments = new TreeMap<>();
        for (JsonNode frame : frames) {
            JsonNode given = frame.at("/choices/0");
            if (given.path("index").asInt(-1) != choice) {
                continue;
            }
            JsonNode delta = given.get("delta");
            reasoning.append(text(delta, "reasoning_content"));
            content.append(text(delta, "content"));
            for (JsonNode call : delta.path("tool_calls")) {
                int index = call.get("index").intValue();
                if (call.has("id")) {
                    names.put(index, call.at("/function/name").stringValue());
                }
                arguments
                        .computeIfAbsent(index, unseen -> new StringBuilder())
                        .append(call.at("/function/arguments").stringValue());
            }
        }
        var calls = new ArrayList<Answer.Call>();
        names.forEach((index, name) -> calls.add(new Answer.Call(name, String.valueOf(arguments.get(index)))));
        return new Answer(reasoning.toString(), content.toString(), calls);
    }

    /** The reason in the last frame of a choice. */
    static String finishReason(List<JsonNode> frames) {
        return frames.stream()
                .map(frame -> frame.at("/choices/0/finish_reason"))
                .filter(JsonNode::isString)
                .map(JsonNode::stringValue)
                .reduce((first, second) -> second)
                .orElseThrow();
    }

    private static String text(JsonNode object, String name) {
        return object.path(name).asString("");
    }
}
