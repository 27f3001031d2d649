package dev.fathom.text;

import dev.fathom.text.jinja.JinjaException;
import dev.fathom.text.jinja.JinjaTemplate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * DeepSeek-V3.2's chats. The model is published with a program in place of a template; this follows it, text for text.
 *
 * <ul>
 *   <li>With {@code thinking} the last turn of the user opens reasoning, every other one closes it. A past answer's reasoning is
 *       written only if it came after the last turn of the user, which is so while tools are called.
 *   <li>Functions stand in the system message, calls and their parameters in tags, results of one answer's calls in one block,
 *       after which the prompt goes on as it does after a turn of the user.
 *   <li>A developer's turn is a turn of the user that brings functions and a response format along.
 * </ul>
 *
 * <p>As SGLang does it, the request's tools go into the first system message, or into an empty one before all others.
 *
 * @see "DeepSeek-V3.2, encoding/encoding_dsv32.py"
 */
final class DeepSeekV32Prompt implements ChatTemplate {
    private static final String WHERE = "the DeepSeek-V3.2 chat format";
    private static final String BOS = "<｜begin▁of▁sentence｜>";
    private static final String EOS = "<｜end▁of▁sentence｜>";
    private static final String USER = "<｜User｜>";
    private static final String ASSISTANT = "<｜Assistant｜>";
    private static final String THINK = "<think>";
    private static final String THINK_END = "</think>";
    private static final String GAP = "\n\n";

    /** JSON as Python's json.dumps writes it, which is what the model was trained on. */
    private static final JinjaTemplate TO_JSON = JinjaTemplate.parse("{{ value | tojson }}");

    private static final JsonMapper JSON = JsonMapper.builder().build();

    @Override
    public String render(Map<String, ? extends @Nullable Object> variables) {
        List<Map<?, ?>> messages = withTools(maps(variables.get("messages")), variables.get("tools"));
        return new Chat(messages, Boolean.TRUE.equals(variables.get("thinking"))).render();
    }

    @Override
    public boolean readsToolsOfMessages() {
        return true;
    }

    private static List<Map<?, ?>> withTools(List<Map<?, ?>> given, @Nullable Object tools) {
        if (!(tools instanceof List<?> list) || list.isEmpty()) {
            return given;
        }
        List<Map<?, ?>> messages = new ArrayList<>(given);
        if (given.isEmpty() || !"system".equals(given.getFirst().get("role"))) {
            messages.addFirst(Map.of("role", "system", "content", ""));
        }
        Map<Object, @Nullable Object> first = new LinkedHashMap<>(messages.getFirst());
        first.put("tools", tools);
        messages.set(0, first);
        return messages;
    }

    private static List<Map<?, ?>> maps(@Nullable Object value) {
        List<Map<?, ?>> maps = new ArrayList<>();
        for (Object each : value instanceof List<?> list ? list : List.of()) {
            if (!(each instanceof Map<?, ?> map)) {
                throw refused("a JSON object is wanted, got " + each);
            }
            maps.add(map);
        }
        return maps;
    }

    private static TemplateException refused(String reason) {
        return new TemplateException(WHERE, reason);
    }

    private static String json(@Nullable Object value) {
        try {
            return TO_JSON.render(Collections.singletonMap("value", value));
        } catch (JinjaException e) {
            throw new TemplateException(WHERE, e);
        }
    }

    private static String text(@Nullable Object content) {
        return content == null ? "" : content.toString();
    }

    /**
     * One chat on its way to a prompt.
     *
     * @param thinking  whether the model is to think
     */
    private record Chat(List<Map<?, ?>> messages, int lastUser, boolean thinking, StringBuilder out) {
        Chat(List<Map<?, ?>> messages, boolean thinking) {
            this(messages, lastUser(messages), thinking, new StringBuilder(BOS));
        }

        private static int lastUser(List<Map<?, ?>> messages) {
            int last = messages.size() - 1;
            while (last >= 0
                    && !List.of("user", "developer")
                            .contains(text(messages.get(last).get("role")))) {
                last--;
            }
            return last;
        }

        String render() {
            for (int i = 0; i < messages.size(); i++) {
                Map<?, ?> message = messages.get(i);
                switch (text(message.get("role"))) {
                    case "system" -> system(message);
                    case "developer" -> developer(i, message);
                    case "user" -> user(i, text(message.get("content")));
                    case "tool" -> result(i, message);
                    case "assistant" -> assistant(i, message);
                    default ->
                        throw refused("messages[" + i + "] has the role " + message.get("role")
                                + ", which this model does not know; send system, developer, user, assistant or tool");
                }
            }
            return out.toString();
        }

        private void system(Map<?, ?> message) {
            out.append(text(message.get("content")));
            functions(message);
        }

        /** What a system or developer message brings along. */
        private void functions(Map<?, ?> message) {
            List<Map<?, ?>> tools = maps(message.get("tools"));
            if (!tools.isEmpty()) {
                out.append(GAP).append(DeepSeekV32Tools.describe(tools, DeepSeekV32Prompt::json));
            }
            if (message.get("response_format") instanceof Map<?, ?> format && !format.isEmpty()) {
                out.append(GAP)
                        .append("## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n")
                        .append(json(format));
            }
        }

        private void developer(int index, Map<?, ?> message) {
            if (text(message.get("content")).isEmpty()) {
                throw refused("messages[" + index + "], of a developer, has no content");
            }
            out.append(USER);
            functions(message);
            out.append(GAP).append("# The user's message is: ").append(text(message.get("content")));
            out.append(ASSISTANT).append(index == lastUser && thinking ? THINK : THINK_END);
        }

        private void user(int index, String content) {
            out.append(USER).append(content).append(ASSISTANT);
            out.append(index == lastUser && thinking ? THINK : THINK_END);
        }

        private void result(int index, Map<?, ?> message) {
            int caller = index - 1;
            while (caller >= 0 && "tool".equals(messages.get(caller).get("role"))) {
                caller--;
            }
            int calls = caller < 0
                    ? 0
                    : maps(messages.get(caller).get("tool_calls")).size();
            int number = index - caller;
            if (number > calls) {
                throw refused("messages[" + index + "] is the result of call " + number
                        + " of the answer before it, which makes " + calls);
            }
            if (number == 1) {
                out.append(GAP).append("<function_results>");
            }
            out.append("\n<result>").append(text(message.get("content"))).append("</result>");
            if (number == calls) {
                out.append("\n</function_results>").append(GAP);
                out.append(index >= lastUser && thinking ? THINK : THINK_END);
            }
        }

        private void assistant(int index, Map<?, ?> message) {
            List<Map<?, ?>> calls = maps(message.get("tool_calls"));
            if (thinking && index > lastUser) {
                String reasoning = text(message.get("reasoning_content"));
                if (reasoning.isEmpty() && calls.isEmpty()) {
                    throw refused("messages[" + index + "], an answer after the last turn of the user, has neither"
                            + " reasoning_content nor tool_calls, which thinking cannot go on from; send its"
                            + " reasoning_content, or a turn of the user after it");
                }
                out.append(reasoning).append(THINK_END);
            }
            out.append(text(message.get("content")));
            if (!calls.isEmpty()) {
                List<String> written = new ArrayList<>();
                for (Map<?, ?> call : calls) {
                    written.add(call("messages[" + index + "]", call));
                }
                out.append(GAP).append(DeepSeekV32Tools.calls(written));
            }
            out.append(EOS);
        }

        private static String call(String where, Map<?, ?> call) {
            if (!(call.get("function") instanceof Map<?, ?> function)) {
                throw refused(where + " has a tool call without a function");
            }
            return DeepSeekV32Tools.call(
                    text(function.get("name")), arguments(where, function.get("arguments")), DeepSeekV32Prompt::json);
        }

        private static Map<?, ?> arguments(String where, @Nullable Object given) {
            try {
                Object value = given instanceof String text ? JSON.readValue(text, Object.class) : given;
                if (value instanceof Map<?, ?> arguments) {
                    return arguments;
                }
            } catch (JacksonException e) {
                // The sentence below says it.
            }
            throw refused(where + " has a tool call whose arguments are not a JSON object: " + given);
        }
    }
}
