package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.TokenMask;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Masks against the definition: a token is allowed if and only if its bytes, one by one, are. */
class GrammarTest {
    private static final Vocabulary NANO = Vocabulary.NANO;

    private static final List<String> EBNF = List.of(
            "root ::= \"yes\" | \"no\"",
            "root ::= expr\nexpr ::= expr \"+\" term | term # left recursion\nterm ::= [0-9]+ | \"(\" expr \")\"",
            "root ::= root root | \"a\" | \"\"",
            "root ::= item list?\nlist ::= \", \" item list | \"\"\nitem ::= [a-z]{2,40}",
            "root ::= (\"a\" | \"ab\" | \"b\"){3,12} \"c\"*",
            "root ::= [^\\n\"]{0,20} \"\\n\" x\nx ::= \"(\" x? \")\"");

    private static final List<String> REGEXES = List.of(
            "[A-Z][a-z]+( [A-Z][a-z]+){0,3}",
            "(a|b)*abb",
            "\\d{4}-\\d{2}",
            "[\\u4e00-\\u9fff]+|\\p{L}{1,3}",
            "^(x|y$)$");

    private static final List<String> SCHEMAS = List.of(
            "{\"type\":\"object\"}",
            "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":12},\"maxItems\":30}",
            "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":40},"
                    + "\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":130},\"tags\":{\"type\":\"array\","
                    + "\"items\":{\"enum\":[\"a\",\"b\",3,null]}}},\"required\":[\"age\"]}",
            "{\"$defs\":{\"t\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"number\"},\"next\":{\"anyOf\":["
                    + "{\"$ref\":\"#/$defs/t\"},{\"type\":\"null\"}]}},\"required\":[\"v\",\"next\"]}},\"$ref\":\"#/$defs/t\"}",
            "{\"type\":\"string\",\"pattern\":\"^[a-c]+\\\"?$\"}",
            "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\",\"multipleOf\":0.25},"
                    + "\"propertyNames\":{\"pattern\":\"^k\"},\"minProperties\":1}");

    @Test
    void allowsExactlyTheTokensWhoseBytesAreAllowed() {
        long seed = 20_261_124;
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (CompiledGrammar grammar : grammars()) {
            for (int run = 0; run < 4; run++) {
                walk(grammar, random);
            }
        }
    }

    private static List<CompiledGrammar> grammars() {
        List<CompiledGrammar> grammars = new ArrayList<>();
        EBNF.forEach(text -> grammars.add(NANO.ebnf(text)));
        REGEXES.forEach(text -> grammars.add(NANO.regex(text)));
        SCHEMAS.forEach(text -> grammars.add(NANO.schema(text)));
        return grammars;
    }

    private static void walk(CompiledGrammar grammar, SplittableRandom random) {
        TokenMask mask = NANO.begin(grammar);
        Parser parser = new Parser(grammar.grammar());
        Frame bottom = Parser.bottom();
        Items items = new Items();
        parser.begin(bottom, items);
        for (int step = 0; step < 25; step++) {
            long[] allowed = Objects.requireNonNull(mask.allowed());
            List<Integer> ids = new ArrayList<>();
            for (int id = 0; id < NANO.end; id++) {
                char[] bytes = grammar.trie().symbols(id);
                boolean expected = bytes.length > 0 && after(parser, items, bottom, bytes) != null;
                assertThat((allowed[id >>> 6] >>> id & 1) != 0)
                        .as("token %d in step %d", id, step)
                        .isEqualTo(expected);
                if (expected) {
                    ids.add(id);
                }
            }
            assertThat(Vocabulary.allows(mask, NANO.end)).isEqualTo(items.complete);
            if (ids.isEmpty()) {
                assertThat(items.complete).isTrue();
                return;
            }
            int id = ids.get(random.nextInt(ids.size()));
            mask.accept(id);
            items = Objects.requireNonNull(
                    after(parser, items, bottom, grammar.trie().symbols(id)));
        }
    }

    /** Null where the bytes cannot follow. */
    private static @Nullable Items after(Parser parser, Items from, Frame bottom, char[] bytes) {
        Items now = from;
        parser.allow(Parser.MOST_WORK);
        for (char value : bytes) {
            Items next = new Items();
            parser.advance(now, value, next, bottom);
            if (next.size == 0 && !next.complete) {
                return null;
            }
            now = next;
        }
        return now;
    }

    @Test
    void readsEbnf() {
        CompiledGrammar sums = NANO.ebnf(EBNF.get(1));
        assertThat(NANO.accepts(sums, "1+(22+3)+4")).isTrue();
        assertThat(NANO.accepts(sums, "1+")).isFalse();
        CompiledGrammar list = NANO.ebnf(EBNF.get(3));
        assertThat(NANO.accepts(list, "ab, cd, efg")).isTrue();
        assertThat(NANO.accepts(list, "ab, c")).isFalse();
        CompiledGrammar counted = NANO.ebnf("root ::= \"x\"{3,900} \"y\"");
        assertThat(NANO.accepts(counted, "x".repeat(900) + "y")).isTrue();
        assertThat(NANO.accepts(counted, "x".repeat(901) + "y")).isFalse();
        assertThat(NANO.accepts(counted, "xxy")).isFalse();
    }

    @Test
    void readsRegularExpressions() {
        assertThat(NANO.accepts(NANO.regex("(a|b)*abb"), "ababb")).isTrue();
        assertThat(NANO.accepts(NANO.regex("(a|b)*abb"), "abab")).isFalse();
        assertThat(NANO.accepts(NANO.regex("\\d{3}|[^\\x00-\\x7f]"), "é")).isTrue();
        assertThat(NANO.accepts(NANO.regex(".*"), "")).isTrue();
    }

    @Test
    void beginsAfterTheGivenToken() {
        CompiledGrammar grammar = NANO.regex("ab");
        TokenMask mask = grammar.constraint(Set.of(NANO.end), 5).begin();
        assertThat(mask.allowed()).isNull();
        mask.accept(7);
        assertThat(mask.allowed()).isNull();
        mask.accept(5);
        assertThat(Vocabulary.allows(mask, NANO.end)).isFalse();
    }

    @Test
    void refusesByNameWhatItCannotDo() {
        refused(GrammarSource.Kind.REGEX, "a(?=b)", "lookahead");
        refused(GrammarSource.Kind.REGEX, "(a)\\1", "a back reference");
        refused(GrammarSource.Kind.REGEX, "\\bword", "the word boundary \\b");
        refused(GrammarSource.Kind.REGEX, "(((", "a '(' without ')'");
        refused(GrammarSource.Kind.REGEX, "(a{9999}){9999}", "too large");
        refused(GrammarSource.Kind.REGEX, "(a|b)*a(a|b){24}", "too complex");
        refused(GrammarSource.Kind.EBNF, "root ::= a", "uses the rule a");
        refused(GrammarSource.Kind.EBNF, "start ::= \"a\"", "no rule named root");
        refused(GrammarSource.Kind.EBNF, "root ::= \"a\" root", "matches nothing");
        refused(GrammarSource.Kind.EBNF, "root ::= \"a\"\nroot ::= \"b\"", "defined twice");
        refused(GrammarSource.Kind.EBNF, "root ::= \"\n\"", "no closing quote");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"type\":\"obj\"}", "#/type must be");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"not\":{}}", "#/not is not supported");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"type\":", "not valid JSON");
        refused(GrammarSource.Kind.JSON_SCHEMA, "[]", "must be an object or a boolean");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"type\":\"string\",\"format\":\"isbn\"}", "The format \"isbn\"");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"$ref\":\"#\"}", "refers back to itself");
        refused(GrammarSource.Kind.JSON_SCHEMA, "{\"items\":".repeat(200) + "{}" + "}".repeat(200), "not valid JSON");
    }

    private static void refused(GrammarSource.Kind kind, String text, String words) {
        assertThatThrownBy(() -> NANO.compile(kind, text, GrammarOptions.DEFAULT))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining(words);
    }
}
