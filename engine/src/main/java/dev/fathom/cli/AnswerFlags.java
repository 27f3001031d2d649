package dev.fathom.cli;

import dev.fathom.serve.ServedModel;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** How a model writes its answers, and how it is asked for them: flags of the server. */
final class AnswerFlags {
    private static final String AUTO = "auto";
    private static final String NONE = "none";

    @Option(
            names = "--reasoning-parser",
            paramLabel = "NAME",
            description =
                    "How the model marks reasoning: auto (as its chat template shows), none, deepseek-r1, deepseek-v3"
                            + " (also deepseek-v3.1, deepseek-v3.2). Default: ${DEFAULT-VALUE}.")
    private String reasoning = AUTO;

    @Option(
            names = "--tool-call-parser",
            paramLabel = "NAME",
            description = "How the model calls tools: auto (as its chat template shows), none, deepseekv3, deepseekv31,"
                    + " deepseekv32. Default: ${DEFAULT-VALUE}.")
    private String toolCalls = AUTO;

    @Option(
            names = "--default-chat-template-kwargs",
            paramLabel = "JSON",
            description = "Variables of the chat template that requests leave open, such as '{\"thinking\": true}'.")
    private @Nullable String templateVariables;

    /** Refuses wrong values before a large model is loaded for nothing. */
    void check() {
        syntax(AnswerSyntax.PLAIN);
        variables();
    }

    ServedModel apply(ServedModel model) {
        return model.withSyntax(syntax(model.syntax())).withTemplateVariables(variables());
    }

    private AnswerSyntax syntax(AnswerSyntax detected) {
        ReasoningFormat reasoningFormat = switch (reasoning) {
            case AUTO -> detected.reasoning();
            case NONE -> null;
            default ->
                ReasoningFormat.named(reasoning)
                        .orElseThrow(() -> unknown("--reasoning-parser", reasoning, ReasoningFormat.allNames()));
        };
        ToolCallFormat toolCallFormat = switch (toolCalls) {
            case AUTO -> detected.toolCalls();
            case NONE -> null;
            default ->
                ToolCallFormat.named(toolCalls)
                        .orElseThrow(() -> unknown("--tool-call-parser", toolCalls, ToolCallFormat.allNames()));
        };
        return new AnswerSyntax(reasoningFormat, toolCallFormat);
    }

    private Map<String, @Nullable Object> variables() {
        if (templateVariables == null) {
            return Map.of();
        }
        try {
            if (JsonMapper.shared().readValue(templateVariables, Object.class) instanceof Map<?, ?> map) {
                Map<String, @Nullable Object> variables = new LinkedHashMap<>();
                map.forEach((name, value) -> variables.put(String.valueOf(name), value));
                return variables;
            }
        } catch (JacksonException e) {
            throw CliException.usage("--default-chat-template-kwargs is not valid JSON: " + e.getOriginalMessage());
        }
        throw CliException.usage(
                "--default-chat-template-kwargs must be a JSON object, got " + templateVariables + ".");
    }

    private static CliException unknown(String flag, String given, String names) {
        return CliException.usage(flag + " must be auto, none, or one of " + names + ", got " + given + ".");
    }
}
