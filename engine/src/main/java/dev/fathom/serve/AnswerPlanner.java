package dev.fathom.serve;

import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerReading;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Decides how answers are read and guided: from how the model writes and from what a request wants. */
final class AnswerPlanner {
    /** Enough of a prompt to see whether a mark ends it (tokens). */
    private static final int TAIL = 32;

    private final ServedModel model;

    AnswerPlanner(ServedModel model) {
        this.model = model;
    }

    /** For a conversation that the template has rendered. */
    AnswerPlan chat(ChatRequest request, ChatPrompt prompt) {
        ReasoningFormat format = model.syntax().reasoning();
        return chat(
                request, format != null && format.opensAfter(format.opensIn(prompt.rendered()), prompt.continued()));
    }

    /** For a conversation that came as tokens. */
    AnswerPlan chat(ChatRequest request, int[] promptIds) {
        ReasoningFormat format = model.syntax().reasoning();
        return chat(request, format != null && format.opensIn(tail(promptIds)));
    }

    /** For a prompt that is no conversation: its answer is all content, and reasoning only if the prompt opened it. */
    AnswerPlan raw(int[] promptIds) {
        ReasoningFormat format = model.syntax().reasoning();
        boolean thinking = format != null && tail(promptIds).stripTrailing().endsWith(format.begin());
        return new AnswerPlan(AnswerReading.PLAIN, thinking, List.of());
    }

    /** @param maxThinkingTokens null for no bound */
    Guidance guidance(AnswerPlan plan, @Nullable Integer maxThinkingTokens) {
        if (maxThinkingTokens == null && plan.openings().isEmpty()) {
            return Guidance.NONE;
        }
        if (maxThinkingTokens != null && maxThinkingTokens < 0) {
            throw RequestException.invalid(
                    "max_thinking_tokens", "max_thinking_tokens must be at least 0, got " + maxThinkingTokens + ".");
        }
        String field = maxThinkingTokens == null ? "tool_choice" : "max_thinking_tokens";
        ReasoningFormat format = model.syntax().reasoning();
        if (format == null) {
            if (maxThinkingTokens == null) {
                return new Guidance(Guidance.NO_REASONING, Integer.MAX_VALUE, plan.openings());
            }
            throw RequestException.notSupported(
                    field,
                    field + " needs a model whose reasoning ends with a mark: this one's chat template shows none."
                            + " If the model reasons nevertheless, start the server with --reasoning-parser.");
        }
        int end = plan.thinking() ? endToken(format, field) : Guidance.NO_REASONING;
        return new Guidance(end, maxThinkingTokens == null ? Integer.MAX_VALUE : maxThinkingTokens, plan.openings());
    }

    private AnswerPlan chat(ChatRequest request, boolean thinking) {
        ToolCallFormat format =
                request.tools().isEmpty() ? null : model.syntax().toolCalls();
        AnswerOptions options = request.answer();
        Set<String> functions = functions(request);
        var reading = new AnswerReading(
                model.syntax().reasoning(),
                thinking,
                options.separateReasoning(),
                format,
                functions,
                !options.parallelToolCalls());
        return new AnswerPlan(reading, thinking, openings(options.toolChoice(), format, functions));
    }

    /** How an answer may begin that calls what the request demands; none if it demands nothing. */
    private List<int[]> openings(ToolChoice choice, @Nullable ToolCallFormat format, Set<String> functions) {
        Set<String> demanded = switch (choice) {
            case ToolChoice.Auto auto -> Set.of();
            case ToolChoice.Required required -> functions;
            case ToolChoice.Named named -> Set.of(named.function());
        };
        if (choice instanceof ToolChoice.Auto) {
            return List.of();
        }
        if (demanded.isEmpty() || !functions.containsAll(demanded)) {
            String wanted =
                    demanded.isEmpty() ? "at least one tool" : "the function \"" + String.join("", demanded) + "\"";
            throw RequestException.invalid(
                    "tool_choice", "tool_choice asks for " + wanted + ", but tools does not have it.");
        }
        if (format == null) {
            throw RequestException.notSupported(
                    "tool_choice",
                    "tool_choice must be auto or none: this model's chat template does not show how it calls tools."
                            + " If it does call them, start the server with --tool-call-parser.");
        }
        Tokenizer tokenizer = model.tokenizerFor("tool_choice");
        return demanded.stream()
                .sorted()
                .map(function -> tokenizer.encode(format.start(function)))
                .toList();
    }

    private static Set<String> functions(ChatRequest request) {
        Set<String> names = new HashSet<>();
        for (Map<String, @Nullable Object> tool : request.tools()) {
            if (tool.get("function") instanceof Map<?, ?> function && function.get("name") instanceof String name) {
                names.add(name);
            }
        }
        return names;
    }

    private int endToken(ReasoningFormat format, String field) {
        return model.tokenizerFor(field)
                .id(format.end())
                .orElseThrow(() -> RequestException.notSupported(
                        field, field + " needs a model with a token " + format.end() + ": this one has none."));
    }

    private String tail(int[] promptIds) {
        Tokenizer tokenizer = model.tokenizer();
        int from = Math.max(0, promptIds.length - TAIL);
        return tokenizer == null ? "" : tokenizer.decode(Arrays.copyOfRange(promptIds, from, promptIds.length), false);
    }
}
