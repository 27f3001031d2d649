package dev.fathom.serve;

import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import dev.fathom.api.TokenConstraint;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerReading;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import dev.fathom.text.grammar.GrammarSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Decides how answers are read and guided: from how the model writes and from what a request wants. */
final class AnswerPlanner {
    /** Enough of a prompt to see whether a mark ends it (tokens). */
    private static final int TAIL = 32;

    private final ServedModel model;
    private final Grammars grammars;
    private final ToolStrictness strictness;

    AnswerPlanner(ServedModel model, Grammars grammars, ToolStrictness strictness) {
        this.model = model;
        this.grammars = grammars;
        this.strictness = strictness;
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
        return new AnswerPlan(AnswerReading.PLAIN, thinking, null);
    }

    /** @param maxThinkingTokens null for no bound */
    Guidance guidance(AnswerPlan plan, @Nullable Integer maxThinkingTokens) {
        if (maxThinkingTokens == null) {
            return Guidance.NONE;
        }
        String field = "max_thinking_tokens";
        if (maxThinkingTokens < 0) {
            throw RequestException.invalid(
                    field, "max_thinking_tokens must be at least 0, got " + maxThinkingTokens + ".");
        }
        ReasoningFormat format = model.syntax().reasoning();
        if (format == null) {
            throw RequestException.notSupported(
                    field,
                    field + " needs a model whose reasoning ends with a mark: this one's chat template shows none."
                            + " If the model reasons nevertheless, start the server with --reasoning-parser.");
        }
        return plan.thinking() ? new Guidance(endToken(format, field), maxThinkingTokens) : Guidance.NONE;
    }

    /**
     * What an answer must follow; null if it is free.
     *
     * @param content  what the request asks of its content, or null
     * @param stopIds  ids that end this request's sequences beside the model's own
     */
    @Nullable
    TokenConstraint constraint(
            AnswerPlan plan, @Nullable GrammarSource content, int[] promptIds, Set<Integer> stopIds) {
        ToolGrammar tools = plan.tools();
        GrammarSource source = tools == null ? content : tools.source(content);
        if (source == null) {
            return null;
        }
        ReasoningFormat format = model.syntax().reasoning();
        int beginAfter = plan.thinking() && format != null
                ? endToken(format, source.field())
                : Grammars.beginAfter(model.tokenizerFor(source.field()), promptIds);
        return grammars.constraint(source, beginAfter, stopIds);
    }

    private AnswerPlan chat(ChatRequest request, boolean thinking) {
        List<Map<String, @Nullable Object>> all = request.allTools();
        ToolCallFormat format = all.isEmpty() ? null : model.syntax().toolCalls();
        AnswerOptions options = request.answer();
        var tools = new RequestedTools(all, grammars, strictness);
        var reading = new AnswerReading(
                model.syntax().reasoning(),
                thinking,
                options.separateReasoning(),
                format,
                tools.names(),
                !options.parallelToolCalls());
        checkDemand(options.toolChoice(), format, tools.names());
        ToolGrammar grammar =
                format == null ? null : tools.grammar(format, options.toolChoice(), options.parallelToolCalls());
        return new AnswerPlan(reading, thinking, grammar);
    }

    private static void checkDemand(ToolChoice choice, @Nullable ToolCallFormat format, Set<String> functions) {
        Set<String> demanded = switch (choice) {
            case ToolChoice.Auto auto -> Set.of();
            case ToolChoice.Required required -> functions;
            case ToolChoice.Named named -> Set.of(named.function());
        };
        if (choice instanceof ToolChoice.Auto) {
            return;
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
