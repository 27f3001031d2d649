package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.text.ChatTemplate;
import dev.fathom.text.TemplateException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Conversations to prompt text through the model's chat template. */
final class ChatPrompts {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final ServedModel model;

    ChatPrompts(ServedModel model) {
        this.model = model;
    }

    /** @throws RequestException when the template refuses the conversation or the model has none */
    ChatPrompt render(ChatRequest request) {
        ChatTemplate template = model.chatTemplate();
        if (template == null) {
            throw RequestException.invalid(
                    "messages",
                    "The model has no chat template: start the server with --chat-template, or use /v1/completions.");
        }
        List<Map<String, @Nullable Object>> messages = request.messages();
        String continued = "";
        if (request.continueFinal()) {
            continued = finalAssistantText(messages);
            messages = messages.subList(0, messages.size() - 1);
        }
        return new ChatPrompt(rendered(template, messages, request), continued);
    }

    /**
     * Templates disagree about a tool call's arguments: those written for Transformers and SGLang want an object,
     * DeepSeek's own want the text. The object is tried first, as SGLang does, then the text as it was sent.
     */
    private String rendered(ChatTemplate template, List<Map<String, @Nullable Object>> messages, ChatRequest request) {
        List<Map<String, @Nullable Object>> parsed = withParsedArguments(messages);
        try {
            return template.render(variables(parsed, request));
        } catch (TemplateException first) {
            if (parsed.equals(messages)) {
                throw refused(first);
            }
            try {
                return template.render(variables(messages, request));
            } catch (TemplateException second) {
                second.addSuppressed(first);
                throw refused(second);
            }
        }
    }

    private Map<String, @Nullable Object> variables(List<Map<String, @Nullable Object>> messages, ChatRequest request) {
        Map<String, @Nullable Object> variables = new LinkedHashMap<>();
        variables.put("bos_token", model.bosText() == null ? "" : model.bosText());
        variables.put("eos_token", model.eosText() == null ? "" : model.eosText());
        variables.putAll(ThinkingVariables.withBothNames(model.templateVariables()));
        variables.putAll(ThinkingVariables.withBothNames(request.templateVariables()));
        variables.put("messages", messages);
        variables.put("tools", request.tools().isEmpty() ? null : request.tools());
        variables.put("add_generation_prompt", true);
        return variables;
    }

    private static RequestException refused(TemplateException e) {
        var refused =
                RequestException.invalid("messages", "The chat template refuses these messages: " + e.getMessage());
        refused.initCause(e);
        return refused;
    }

    private static String finalAssistantText(List<Map<String, @Nullable Object>> messages) {
        Map<String, @Nullable Object> last = messages.getLast();
        if (!"assistant".equals(last.get("role")) || !(last.get("content") instanceof String text)) {
            throw RequestException.invalid(
                    "continue_final_message",
                    "continue_final_message needs the assistant's message with text content at the end of messages,"
                            + " got the role " + last.get("role") + ".");
        }
        return text;
    }

    private static List<Map<String, @Nullable Object>> withParsedArguments(
            List<Map<String, @Nullable Object>> messages) {
        List<Map<String, @Nullable Object>> parsed = new ArrayList<>(messages.size());
        for (Map<String, @Nullable Object> message : messages) {
            if (message.get("tool_calls") instanceof List<?> calls) {
                Map<String, @Nullable Object> copy = new LinkedHashMap<>(message);
                copy.put(
                        "tool_calls",
                        calls.stream().map(ChatPrompts::withParsedArguments).toList());
                parsed.add(copy);
            } else {
                parsed.add(message);
            }
        }
        return parsed;
    }

    private static Object withParsedArguments(Object call) {
        if (call instanceof Map<?, ?> fields
                && fields.get("function") instanceof Map<?, ?> function
                && function.get("arguments") instanceof String text
                && parse(text) instanceof Map<?, ?> arguments) {
            var newFunction = new LinkedHashMap<Object, @Nullable Object>(function);
            newFunction.put("arguments", arguments);
            var newCall = new LinkedHashMap<Object, @Nullable Object>(fields);
            newCall.put("function", newFunction);
            return newCall;
        }
        return call;
    }

    /** Null when the model once wrote arguments that are not JSON: the template then gets the text. */
    private static @Nullable Object parse(String arguments) {
        try {
            return JSON.readValue(arguments, Object.class);
        } catch (JacksonException e) {
            return null;
        }
    }
}
