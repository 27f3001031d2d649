package dev.fathom.http;

import dev.fathom.text.answer.Answer;
import dev.fathom.text.answer.AnswerPart;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What a chat's answer and its parts look like in OpenAI's API. */
final class AnswerJson {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private AnswerJson() {}

    /** Content is null where reasoning or calls are all there is. */
    static ObjectNode message(Answer answer) {
        boolean empty = answer.content().isEmpty();
        boolean more = !answer.reasoning().isEmpty() || !answer.calls().isEmpty();
        ObjectNode message = JSON.objectNode()
                .put("role", "assistant")
                .put("content", empty && more ? null : answer.content())
                .put("reasoning_content", answer.reasoning().isEmpty() ? null : answer.reasoning());
        if (answer.calls().isEmpty()) {
            return message.putNull("tool_calls");
        }
        ArrayNode calls = message.putArray("tool_calls");
        for (Answer.Call call : answer.calls()) {
            int index = calls.size();
            newCall(calls.addObject(), index, call.name(), call.arguments());
        }
        return message;
    }

    /** The deltas that say this part: none where it says nothing new. */
    static List<ObjectNode> deltas(AnswerPart part) {
        return switch (part) {
            case AnswerPart.Reasoning reasoning -> List.of(reasoning(reasoning.text()));
            case AnswerPart.Content content -> List.of(JSON.objectNode().put("content", content.text()));
            case AnswerPart.CallBegin begin -> {
                ObjectNode delta = JSON.objectNode();
                newCall(delta.putArray("tool_calls").addObject(), begin.index(), begin.name(), "");
                yield List.of(delta);
            }
            case AnswerPart.CallArguments more -> {
                ObjectNode delta = JSON.objectNode();
                ObjectNode call = delta.putArray("tool_calls").addObject().put("index", more.index());
                call.putObject("function").put("arguments", more.json());
                yield List.of(delta);
            }
            case AnswerPart.CallEnd end -> List.of();
            case AnswerPart.CallDropped dropped -> List.of();
        };
    }

    static ObjectNode reasoning(String text) {
        return JSON.objectNode().put("reasoning_content", text);
    }

    private static void newCall(ObjectNode call, int index, String name, String arguments) {
        call.put("id", OpenAiFields.newId("call_"))
                .put("index", index)
                .put("type", "function")
                .putObject("function")
                .put("name", name)
                .put("arguments", arguments);
    }
}
