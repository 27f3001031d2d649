package dev.fathom.text.grammar;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Prepares grammars for one vocabulary and keeps those used last. Work is done by the thread that asks, and by one alone
 * for equal grammars. Safe for use by many threads.
 */
public final class GrammarCompiler {
    private static final int MOST_KEPT = 64;
    private static final int LONGEST_TEXT = 1 << 20;
    private static final int MOST_DEPTH = 100;

    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_DEPTH)
                            .build())
                    .build())
            .build();

    private final Supplier<TokenTrie> vocabulary;
    private final GrammarOptions options;
    private @Nullable TokenTrie trie;
    private final Map<GrammarSource, CompletableFuture<CompiledGrammar>> kept = new LinkedHashMap<>(16, 0.75f, true);

    /** @param vocabulary made when the first grammar comes */
    public GrammarCompiler(Supplier<TokenTrie> vocabulary, GrammarOptions options) {
        this.vocabulary = vocabulary;
        this.options = options;
    }

    /** @throws GrammarException if the grammar is wrong, not supported, or too large */
    public CompiledGrammar compile(GrammarSource source) {
        CompletableFuture<CompiledGrammar> mine = new CompletableFuture<>();
        CompletableFuture<CompiledGrammar> known;
        synchronized (kept) {
            known = kept.putIfAbsent(source, mine);
            if (kept.size() > MOST_KEPT) {
                kept.remove(kept.keySet().iterator().next());
            }
        }
        if (known != null) {
            return join(known);
        }
        try {
            TokenTrie tokens = trie();
            CompiledGrammar compiled = new CompiledGrammar(grammar(source, options, tokens.marks()), tokens);
            compiled.prepare();
            mine.complete(compiled);
            return compiled;
        } catch (RuntimeException e) {
            synchronized (kept) {
                kept.remove(source, mine);
            }
            mine.completeExceptionally(e);
            throw e;
        }
    }

    /** Whether a grammar is prepared, or being prepared. */
    public boolean knows(GrammarSource source) {
        synchronized (kept) {
            return kept.containsKey(source);
        }
    }

    /** Reads a grammar and does nothing with it. @throws GrammarException as {@link #compile} */
    public void check(GrammarSource source) {
        grammar(source, options, trie().marks());
    }

    private static CompiledGrammar join(CompletableFuture<CompiledGrammar> known) {
        try {
            return known.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof GrammarException refused) {
                throw refused;
            }
            throw e;
        }
    }

    private synchronized TokenTrie trie() {
        TokenTrie made = trie;
        if (made == null) {
            made = vocabulary.get();
            trie = made;
        }
        return made;
    }

    /** @param marks special tokens that structural tags may name */
    static Grammar grammar(GrammarSource source, GrammarOptions options, Marks marks) {
        if (source.text().length() > LONGEST_TEXT) {
            throw new GrammarException("The grammar is too long: "
                    + source.text().length() + " characters, at most " + LONGEST_TEXT + " are taken.");
        }
        Rules rules = new Rules(new Budget());
        int root = switch (source.kind()) {
            case JSON_SCHEMA ->
                SchemaGrammar.root(
                        rules, new Json(rules, options.anySpace()), schema(source.text()), options.closedObjects());
            case EBNF -> EbnfParser.root(rules, source.text());
            case REGEX -> {
                int rule = rules.declare("root");
                rules.define(rule, new Expr.Text(PatternDfa.whole(source.text(), rules.budget()), Expr.Form.RAW));
                yield rule;
            }
            case STRUCTURAL_TAG ->
                new StructuralTagReader(rules, options, marks).root(json("structural tag", source.text()));
        };
        return GrammarBuilder.build(rules, root);
    }

    private static JsonNode schema(String text) {
        JsonNode tree = json("JSON schema", text);
        if (tree.isObject() || tree.isBoolean()) {
            return tree;
        }
        throw new GrammarException("The JSON schema must be an object or a boolean.");
    }

    private static JsonNode json(String what, String text) {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            throw new GrammarException("The " + what + " is not valid JSON: " + JsonFault.describe(e) + ".");
        }
    }
}
