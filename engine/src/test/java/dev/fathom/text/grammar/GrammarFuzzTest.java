package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.RequestException;
import dev.fathom.api.TokenMask;
import dev.fathom.text.Goldens;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Damaged grammars: each is refused with a sentence, or works. */
class GrammarFuzzTest {
    private static final long SEED = 31_11_24;
    private static final int CASES = 2500;

    private static final List<String> EBNF = List.of(
            "root ::= expr\nexpr ::= expr \"+\" term | term\nterm ::= [0-9]+ | \"(\" expr \")\"",
            "root ::= ([a-z]{1,3} | x)* \"\\n\" # c\nx ::= \"\\u00e9\" x? | \"\"");
    private static final List<String> REGEXES =
            List.of("^(a|b)*[^c-f]{2,9}\\d+$", "[\\w.]+@\\p{L}+\\.(com|org)?", "((a+)?b{0,3}|\\u{1F600})*");

    @Test
    @Tag("slow")
    void refusesOrServesWhateverComes() {
        System.out.println("GrammarFuzzTest seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        List<String> schemas = new ArrayList<>();
        for (JsonNode group : Goldens.json("/golden/json-schema/suite.json.gz")) {
            schemas.add(group.get("schema").toString());
        }
        int served = 0;
        for (int i = 0; i < CASES; i++) {
            GrammarSource source = switch (i % 5) {
                case 0 -> new GrammarSource(GrammarSource.Kind.EBNF, damaged(EBNF, random));
                case 1 -> new GrammarSource(GrammarSource.Kind.REGEX, damaged(REGEXES, random));
                default -> new GrammarSource(GrammarSource.Kind.JSON_SCHEMA, damaged(schemas, random));
            };
            served += serves(source, random) ? 1 : 0;
        }
        System.out.println(served + " of " + CASES + " damaged grammars were served");
        assertThat(served).isBetween(CASES / 10, CASES);
    }

    private static boolean serves(GrammarSource source, SplittableRandom random) {
        CompiledGrammar grammar;
        try {
            grammar = Vocabulary.NANO.compile(source.kind(), source.text(), GrammarOptions.DEFAULT);
        } catch (GrammarException e) {
            assertThat(e.getMessage()).as("%s", source).isNotBlank().endsWith(".");
            return false;
        }
        TokenMask mask = Vocabulary.NANO.begin(grammar);
        for (int step = 0; step < 12; step++) {
            long[] allowed;
            try {
                allowed = Objects.requireNonNull(mask.allowed());
            } catch (RequestException e) {
                assertThat(e).hasMessageContaining("too ambiguous");
                return true;
            }
            int id = anyBit(allowed, random);
            assertThat(id).as("a way to go on in step %d of %s", step, source).isNotNegative();
            if (id == Vocabulary.NANO.end) {
                return true;
            }
            mask.accept(id);
        }
        return true;
    }

    private static int anyBit(long[] bits, SplittableRandom random) {
        int start = random.nextInt(64 * bits.length);
        for (int i = 0; i < 64 * bits.length; i++) {
            int id = (start + i) % (64 * bits.length);
            if ((bits[id >>> 6] >>> id & 1) != 0) {
                return id;
            }
        }
        return -1;
    }

    private static String damaged(List<String> texts, SplittableRandom random) {
        StringBuilder text = new StringBuilder(texts.get(random.nextInt(texts.size())));
        String alphabet = "{}[]()|*+?^$\\\"',:#-.0123456789abcx \né";
        int edits = random.nextInt(4);
        for (int i = 0; i < edits && !text.isEmpty(); i++) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(4)) {
                case 0 -> text.deleteCharAt(at);
                case 1 -> text.insert(at, alphabet.charAt(random.nextInt(alphabet.length())));
                case 2 -> text.setCharAt(at, alphabet.charAt(random.nextInt(alphabet.length())));
                default -> {
                    int end = Math.min(text.length(), at + random.nextInt(1, 12));
                    text.insert(random.nextInt(text.length()), text.substring(at, end));
                }
            }
        }
        return text.toString();
    }
}
