package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.api.TokenConstraint;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.grammar.GrammarCompiler;
import dev.fathom.text.grammar.GrammarException;
import dev.fathom.text.grammar.GrammarOptions;
import dev.fathom.text.grammar.GrammarSource;
import dev.fathom.text.grammar.TokenTrie;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Grammars of requests for the served model. Work is done on the requester's thread, never the engine's. */
final class Grammars {
    private static final String THINK = "<think>";
    private static final String END_OF_THINKING = "</think>";
    private static final byte[] NO_BYTES = new byte[0];
    private static final int NONE = -1;

    private final ServedModel model;
    private final @Nullable GrammarCompiler compiler;

    /** @param options null where the server does without grammars */
    Grammars(ServedModel model, @Nullable GrammarOptions options) {
        this.model = model;
        compiler = options == null ? null : new GrammarCompiler(() -> trie(model), options);
    }

    /** Marks of structure have no text for a grammar, and neither has what ends a sequence. */
    private static TokenTrie trie(ServedModel model) {
        Tokenizer tokenizer = model.tokenizerFor("grammar");
        return TokenTrie.of(
                model.vocabularySize(),
                id -> tokenizer.isSpecial(id) || model.endTokenIds().contains(id) ? NO_BYTES : tokenizer.bytes(id));
    }

    /**
     * The constraint of a request.
     *
     * @param stopIds  ids that end this request's sequences beside the model's own
     * @throws RequestException if the grammar is wrong or not supported
     */
    TokenConstraint constraint(GrammarSource source, int[] promptIds, Set<Integer> stopIds) {
        if (compiler == null) {
            throw RequestException.notSupported(
                    source.field(),
                    "Grammar-based generation (json_schema, regex, ebnf, structural_tag) is not supported when the server is"
                            + " launched with --grammar-backend none");
        }
        Tokenizer tokenizer = model.tokenizerFor(source.field());
        Set<Integer> ends = new HashSet<>(model.endTokenIds());
        ends.addAll(stopIds);
        try {
            return compiler.compile(source).constraint(ends, beginAfter(tokenizer, promptIds));
        } catch (GrammarException e) {
            var refused = RequestException.invalid(
                    source.field(), "Failed to compile " + source.field() + " grammar: " + e.getMessage());
            refused.initCause(e);
            throw refused;
        }
    }

    /** Where the prompt leaves the model thinking, the answer begins behind the end of that. */
    private static int beginAfter(Tokenizer tokenizer, int[] promptIds) {
        OptionalInt think = tokenizer.id(THINK);
        OptionalInt end = tokenizer.id(END_OF_THINKING);
        if (think.isEmpty() || end.isEmpty()) {
            return NONE;
        }
        for (int i = promptIds.length - 1; i >= 0; i--) {
            if (promptIds[i] == think.getAsInt()) {
                return end.getAsInt();
            }
            if (!tokenizer.decode(new int[] {promptIds[i]}, false).isBlank()) {
                return NONE;
            }
        }
        return NONE;
    }
}
