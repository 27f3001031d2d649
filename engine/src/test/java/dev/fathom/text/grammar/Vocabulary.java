package dev.fathom.text.grammar;

import dev.fathom.api.TokenMask;
import dev.fathom.text.Goldens;
import dev.fathom.text.Tokenizer;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** A tokenizer and the grammars of its vocabulary, for tests that read text token by token. */
final class Vocabulary {
    /** The embedded model's. */
    static final Vocabulary NANO = new Vocabulary(Goldens.nano());

    final Tokenizer tokenizer;
    final TokenTrie trie;
    /** Stands for the end of a sequence: an id without text. */
    final int end;

    Vocabulary(Tokenizer tokenizer) {
        this(tokenizer, trie(tokenizer, tokenizer.size() + 1));
    }

    private Vocabulary(Tokenizer tokenizer, TokenTrie trie) {
        this.tokenizer = tokenizer;
        this.end = tokenizer.size();
        this.trie = trie;
    }

    /** The embedded model's, with these tokens as special ones. */
    static Vocabulary withMarks(String... texts) {
        Tokenizer tokenizer = Goldens.nano();
        Map<String, Integer> marks = new HashMap<>();
        for (String text : texts) {
            marks.put(text, tokenizer.id(text).orElseThrow());
        }
        TokenTrie trie = TokenTrie.of(
                tokenizer.size() + 1,
                id -> tokenizer.isSpecial(id) || marks.containsValue(id) ? new byte[0] : tokenizer.bytes(id),
                marks);
        return new Vocabulary(tokenizer, trie);
    }

    static TokenTrie trie(Tokenizer tokenizer, int vocabulary) {
        return TokenTrie.of(vocabulary, id -> tokenizer.isSpecial(id) ? new byte[0] : tokenizer.bytes(id));
    }

    CompiledGrammar compile(GrammarSource.Kind kind, String text, GrammarOptions options) {
        return new GrammarCompiler(() -> trie, options).compile(new GrammarSource(kind, text));
    }

    CompiledGrammar schema(JsonNode schema, GrammarOptions options) {
        return compile(GrammarSource.Kind.JSON_SCHEMA, schema.toString(), options);
    }

    CompiledGrammar schema(String schema) {
        return compile(GrammarSource.Kind.JSON_SCHEMA, schema, GrammarOptions.DEFAULT);
    }

    CompiledGrammar ebnf(String rules) {
        return compile(GrammarSource.Kind.EBNF, rules, GrammarOptions.DEFAULT);
    }

    CompiledGrammar regex(String pattern) {
        return compile(GrammarSource.Kind.REGEX, pattern, GrammarOptions.DEFAULT);
    }

    CompiledGrammar structuralTag(String tag) {
        return compile(GrammarSource.Kind.STRUCTURAL_TAG, tag, GrammarOptions.DEFAULT);
    }

    TokenMask begin(CompiledGrammar grammar) {
        return grammar.constraint(Set.of(end), -1).begin();
    }

    /** Whether every token of the text is allowed when its turn comes, and the end after them. */
    boolean accepts(CompiledGrammar grammar, String text) {
        TokenMask mask = begin(grammar);
        for (int id : tokenizer.encode(text)) {
            if (!allows(mask, id)) {
                return false;
            }
            mask.accept(id);
        }
        return allows(mask, end);
    }

    static boolean allows(TokenMask mask, int id) {
        long[] allowed = mask.allowed();
        return allowed == null || (allowed[id >>> 6] >>> id & 1) != 0;
    }
}
