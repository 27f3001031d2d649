package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.api.TokenConstraint;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.grammar.CompiledGrammar;
import dev.fathom.text.grammar.GrammarCompiler;
import dev.fathom.text.grammar.GrammarException;
import dev.fathom.text.grammar.GrammarOptions;
import dev.fathom.text.grammar.GrammarSource;
import dev.fathom.text.grammar.TokenTrie;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Grammars of requests for the served model. Work is done on the requester's thread, never the engine's. */
final class Grammars {
    private static final String THINK = "<think>";
    private static final String END_OF_THINKING = "</think>";
    private static final byte[] NO_BYTES = new byte[0];
    private static final int NONE = -1;
    private static final int MOST_CHECKED = 256;

    private final ServedModel model;
    private final GrammarListener listener;
    private final @Nullable GrammarCompiler compiler;
    /** The last grammars that were only checked, with what is wrong with them. */
    private final Map<GrammarSource, Optional<String>> checked = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<GrammarSource, Optional<String>> eldest) {
            return size() > MOST_CHECKED;
        }
    };

    /** @param options null where the server does without grammars */
    Grammars(ServedModel model, @Nullable GrammarOptions options, GrammarListener listener) {
        this.model = model;
        this.listener = listener;
        compiler = options == null ? null : new GrammarCompiler(() -> trie(model), options);
    }

    /** Special tokens are no text: only a structural tag can name them. What ends a sequence is neither. */
    private static TokenTrie trie(ServedModel model) {
        Tokenizer tokenizer = model.tokenizerFor("grammar");
        Map<String, Integer> marks = new HashMap<>();
        for (int id = 0; id < model.vocabularySize(); id++) {
            if (tokenizer.isSpecial(id) && !model.endTokenIds().contains(id)) {
                marks.put(tokenizer.decode(new int[] {id}, false), id);
            }
        }
        return TokenTrie.of(
                model.vocabularySize(),
                id -> tokenizer.isSpecial(id) || model.endTokenIds().contains(id) ? NO_BYTES : tokenizer.bytes(id),
                marks);
    }

    /**
     * The constraint of a request.
     *
     * @param beginAfter  the token after which the text begins that the grammar describes, or {@link #NONE}
     * @param stopIds     ids that end this request's sequences beside the model's own
     * @throws RequestException if the grammar is wrong or not supported
     */
    TokenConstraint constraint(GrammarSource source, int beginAfter, Set<Integer> stopIds) {
        GrammarCompiler ready = compiler(source);
        Set<Integer> ends = new HashSet<>(model.endTokenIds());
        ends.addAll(stopIds);
        try {
            return prepared(ready, source).constraint(ends, beginAfter);
        } catch (GrammarException e) {
            listener.refused();
            var refused = RequestException.invalid(
                    source.field(), "Failed to compile " + source.field() + " grammar: " + e.getMessage());
            refused.initCause(e);
            throw refused;
        }
    }

    private CompiledGrammar prepared(GrammarCompiler ready, GrammarSource source) {
        if (ready.knows(source)) {
            listener.known();
            return ready.compile(source);
        }
        long began = System.nanoTime();
        CompiledGrammar grammar = ready.compile(source);
        listener.prepared(Duration.ofNanos(System.nanoTime() - began));
        return grammar;
    }

    /** What is wrong with a grammar, or not supported; null if nothing is. */
    @Nullable
    String problem(GrammarSource source) {
        GrammarCompiler ready = compiler(source);
        synchronized (checked) {
            return checked.computeIfAbsent(source, same -> Optional.ofNullable(problem(ready, same)))
                    .orElse(null);
        }
    }

    private static @Nullable String problem(GrammarCompiler compiler, GrammarSource source) {
        try {
            compiler.check(source);
            return null;
        } catch (GrammarException e) {
            return e.getMessage();
        }
    }

    private GrammarCompiler compiler(GrammarSource source) {
        if (compiler == null) {
            throw RequestException.notSupported(
                    source.field(),
                    "Grammar-based generation (json_schema, regex, ebnf, structural_tag, strict or demanded tool calls) is"
                            + " not supported when the server is launched with --grammar-backend none");
        }
        return compiler;
    }

    /** Where the prompt leaves the model thinking, the answer begins behind the end of that. */
    static int beginAfter(Tokenizer tokenizer, int[] promptIds) {
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
