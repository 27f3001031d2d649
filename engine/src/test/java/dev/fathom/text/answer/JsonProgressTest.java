package dev.fathom.text.answer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

class JsonProgressTest {
    private static final JsonMapper STRICT = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final List<String> SEEDS = List.of(
            "{\"a\": [1, -2.5e+3, {\"b\": null}], \"c\\u00e9\": \"x\\n\\\"\", \"\": {}}",
            "[true, false, [], [[]], 0, -0.0, 1E9, \"é👩\"]",
            "-12.0e-7",
            "\"\\/\\b\\f\\r\\t\\\\\"",
            " { } ");
    private static final String ALPHABET = "{}[]\",:0123456789.eE+-truefalsn \n\\u\u0001é";

    @Test
    void agreesWithAParserOnDamagedTexts() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        int valid = 0;
        for (int i = 0; i < 50_000; i++) {
            var text = new StringBuilder(SEEDS.get(random.nextInt(SEEDS.size())));
            for (int edits = random.nextInt(3); edits > 0; edits--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.deleteCharAt(at).append(' ');
                    case 1 -> text.insert(at, ALPHABET.charAt(random.nextInt(ALPHABET.length())));
                    default -> text.setCharAt(at, ALPHABET.charAt(random.nextInt(ALPHABET.length())));
                }
            }
            boolean whole = whole(text.toString());
            assertThat(whole).as("seed %d: %s", seed, text).isEqualTo(parses(text.toString()));
            valid += whole ? 1 : 0;
        }
        assertThat(valid).isBetween(10_000, 40_000);
    }

    @Test
    void boundsItsDepth() {
        assertThat(whole("[".repeat(200) + "]".repeat(200))).isTrue();
        assertThat(whole("[".repeat(201) + "]".repeat(201))).isFalse();
    }

    private static boolean whole(String text) {
        var progress = new JsonProgress();
        for (int i = 0; i < text.length(); i++) {
            if (!progress.accept(text.charAt(i))) {
                return false;
            }
        }
        return progress.isWhole();
    }

    private static boolean parses(String text) {
        try {
            return !STRICT.readTree(text).isMissingNode();
        } catch (JacksonException e) {
            return false;
        }
    }
}
