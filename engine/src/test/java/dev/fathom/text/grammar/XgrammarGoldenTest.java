package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.TokenMask;
import dev.fathom.text.Goldens;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * Our masks against xgrammar's, on random walks through EBNF, regular expressions, random schemas and structural tags.
 *
 * <p>There are two differences. In free text with a pattern to look for xgrammar allows bytes that are no UTF-8. In strings with a bound on their length xgrammar 0.2.8 allows control characters as they are,
 * which is no JSON, and none of JSON's escapes. There a token of ours may have a backslash, and one of theirs a control
 * character, with which the walk ends.
 */
class XgrammarGoldenTest {
    @Test
    void masksEqualThoseOfXgrammar() {
        JsonNode golden = Goldens.json("/golden/json-schema/xgrammar.json.gz");
        assertThat(golden.get("end").intValue()).isEqualTo(Vocabulary.NANO.end);
        List<String> failures = new ArrayList<>();
        int masks = 0;
        for (JsonNode walk : golden.get("cases")) {
            CompiledGrammar grammar = grammar(walk);
            TokenMask mask = Vocabulary.NANO.begin(grammar);
            boolean bounded = walk.path("json_schema").toString().contains("maxLength");
            boolean anyBytes = walk.has("structural_tag");
            StringBuilder text = new StringBuilder();
            for (int step = 0; step < walk.get("masks").size(); step++) {
                masks++;
                JsonNode theirs =
                        golden.get("masks").get(walk.get("masks").get(step).intValue());
                String difference = difference(mask, bits(theirs), bounded, anyBytes ? text.toString() : null);
                if (difference != null) {
                    failures.add(source(walk) + " after " + text + ": " + difference);
                    break;
                }
                if (step < walk.get("tokens").size()) {
                    int id = walk.get("tokens").get(step).intValue();
                    if (!Vocabulary.allows(mask, id)) {
                        break;
                    }
                    mask.accept(id);
                    text.append(new String(grammar.trie().symbols(id)));
                }
            }
        }
        System.out.println(masks + " masks compared");
        assertThat(masks).isGreaterThan(2500);
        assertThat(failures).isEmpty();
    }

    private static String source(JsonNode walk) {
        return walk.toString().substring(0, Math.min(300, walk.toString().indexOf(",\"tokens\"")));
    }

    private static CompiledGrammar grammar(JsonNode walk) {
        if (walk.has("structural_tag")) {
            return Vocabulary.NANO.structuralTag(walk.get("structural_tag").toString());
        }
        if (walk.has("ebnf")) {
            return Vocabulary.NANO.ebnf(walk.get("ebnf").stringValue());
        }
        return walk.has("regex")
                ? Vocabulary.NANO.regex(walk.get("regex").stringValue())
                : Vocabulary.NANO.schema(walk.get("json_schema").toString());
    }

    private static int[] bits(JsonNode base64) {
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64.stringValue()))
                .order(ByteOrder.LITTLE_ENDIAN);
        int[] bits = new int[bytes.remaining() / 4];
        bytes.asIntBuffer().get(bits);
        return bits;
    }

    /**
     * Tokens that only one of both allows, or null.
     *
     * @param before  the bytes so far where theirs need be no text, else null
     */
    private static @Nullable String difference(TokenMask mask, int[] bits, boolean bounded, @Nullable String before) {
        long[] allowed = Objects.requireNonNull(mask.allowed());
        List<String> ours = new ArrayList<>();
        List<String> theirs = new ArrayList<>();
        for (int id = 0; id <= Vocabulary.NANO.end; id++) {
            boolean here = (allowed[id >>> 6] >>> id & 1) != 0;
            boolean there = (bits[id >>> 5] >>> id & 1) != 0;
            String text = new String(Vocabulary.NANO.trie.symbols(id));
            if (here && !there && !(bounded && text.contains("\\"))) {
                ours.add(id + " " + text);
            } else if (there
                    && !here
                    && !(bounded && isControl(text))
                    && (before == null || beginsText(before + text))) {
                theirs.add(id + " " + text);
            }
        }
        return ours.isEmpty() && theirs.isEmpty() ? null : "only ours " + ours + ", only theirs " + theirs;
    }

    /** Whether these bytes are UTF-8, but for a last character that is not yet whole. */
    private static boolean beginsText(String bytes) {
        var in = ByteBuffer.wrap(bytes.getBytes(StandardCharsets.ISO_8859_1));
        return !StandardCharsets.UTF_8
                .newDecoder()
                .decode(in, CharBuffer.allocate(bytes.length() + 1), false)
                .isError();
    }

    private static boolean isControl(String text) {
        return text.chars().anyMatch(c -> c < ' ');
    }
}
