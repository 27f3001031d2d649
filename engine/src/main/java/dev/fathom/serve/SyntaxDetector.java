package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds out how a model writes reasoning and calls by what its chat template makes of small conversations. */
final class SyntaxDetector {
    private static final String FUNCTION = "get_weather";

    private final ChatPrompts prompts;
    private final boolean hasTemplate;

    SyntaxDetector(ServedModel model) {
        prompts = new ChatPrompts(model);
        hasTemplate = model.chatTemplate() != null;
    }

    AnswerSyntax detect() {
        return hasTemplate ? new AnswerSyntax(reasoning(), toolCalls()) : AnswerSyntax.PLAIN;
    }

    /** Reasoning that the prompt opens on demand is V3.1's; that which it always opens, or forgets later, is R1's. */
    private @Nullable ReasoningFormat reasoning() {
        ReasoningFormat format = ReasoningFormat.DEEPSEEK_V3;
        List<Map<String, @Nullable Object>> question = List.of(message("user", "Hi"));
        if (opens(format, render(question, Map.of()))) {
            return ReasoningFormat.DEEPSEEK_R1;
        }
        if (opens(format, render(question, Map.of("thinking", true)))) {
            return format;
        }
        String told = render(
                List.of(
                        message("user", "Hi"),
                        message("assistant", format.begin() + "remembered" + format.end() + "Hello"),
                        message("user", "Hi")),
                Map.of());
        return told.contains("Hello") && !told.contains("remembered") ? ReasoningFormat.DEEPSEEK_R1 : null;
    }

    private static boolean opens(ReasoningFormat format, String prompt) {
        return prompt.stripTrailing().endsWith(format.begin());
    }

    private @Nullable ToolCallFormat toolCalls() {
        Map<String, @Nullable Object> call = message("assistant", null);
        call.put(
                "tool_calls",
                List.of(Map.of(
                        "id", "c", "type", "function", "function", Map.of("name", FUNCTION, "arguments", "{}"))));
        String rendered = render(List.of(message("user", "Hi"), call), Map.of());
        return Arrays.stream(ToolCallFormat.values())
                .filter(format -> rendered.contains(format.start(FUNCTION)))
                .findFirst()
                .orElse(null);
    }

    /** Empty if the template refuses the conversation. */
    private String render(List<Map<String, @Nullable Object>> messages, Map<String, @Nullable Object> variables) {
        ChatRequest plain = ChatRequest.of("probe", messages, SamplingFields.NONE);
        try {
            return prompts.render(plain.withTemplateVariables(variables)).text();
        } catch (RequestException e) {
            return "";
        }
    }

    private static Map<String, @Nullable Object> message(String role, @Nullable String content) {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }
}
