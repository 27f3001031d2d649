package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerFileTest {
    private static final String SMALL = """
            {"version": "1.0", "truncation": null,
             "added_tokens": [{"id": 6, "content": "<s>", "special": true, "normalized": false, "lstrip": false}],
             "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
               {"type": "Split", "pattern": {"Regex": "\\\\p{N}{1,3}|(?i:'s)|[^\\\\sa-c]+|\\\\s+(?!\\\\S)"}, "behavior": "Isolated", "invert": false},
               {"type": "Digits", "individual_digits": true},
               {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
             "post_processor": {"type": "TemplateProcessing", "single": []},
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false, "byte_fallback": false,
               "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4, "c": 5}, "merges": ["a b", ["Ġ", "ab"]]}}
            """;

    private static Tokenizer parse(String json) {
        return Tokenizer.parse(json.getBytes(StandardCharsets.UTF_8), "tokenizer.json");
    }

    @Test
    void readsASmallFile() {
        Tokenizer tokenizer = parse(SMALL);
        assertThat(tokenizer.size()).isEqualTo(7);
        assertThat(tokenizer.encode("ab ab<s>ac")).containsExactly(3, 4, 6, 0, 5);
        assertThat(tokenizer.decode(new int[] {3, 4, 6, 0}, true)).isEqualTo("ab aba");
        assertThat(tokenizer.id("Ġab")).hasValue(4);
        assertThat(tokenizer.id("nope")).isEmpty();
        assertThat(tokenizer.bytes(4)).isEqualTo(" ab".getBytes(StandardCharsets.UTF_8));
        assertThat(tokenizer.bytes(7000)).isEmpty();
        assertThatThrownBy(() -> tokenizer.bytes(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "\"BPE\" ~ \"Unigram\" ~ model type \"Unigram\" is not supported",
                "\"dropout\": null ~ \"dropout\": 0.1 ~ 'model.dropout' = 0.1 is not supported",
                "\"byte_fallback\": false ~ \"byte_fallback\": true ~ 'model.byte_fallback' = true is not supported",
                "\"byte_fallback\": false ~ \"end_of_word_suffix\": \"</w>\" ~ 'model.end_of_word_suffix' = \"</w>\" is not supported",
                "\"unk_token\": null ~ \"unk_token\": \"<unk>\" ~ 'model.unk_token' \"<unk>\" is not in the vocabulary",
                "\"NFC\" ~ \"Lowercase\" ~ normalizer type 'Lowercase' is not supported",
                "\"Digits\" ~ \"Whitespace\" ~ pre-tokenizer type 'Whitespace' is not supported",
                "\"Isolated\" ~ \"Sideways\" ~ split behavior 'Sideways' is not supported",
                "\"invert\": false ~ \"invert\": 3 ~ 'invert' is 3, expected true or false",
                "\"decoder\": {\"type\": \"ByteLevel\"} ~ \"decoder\": {\"type\": \"Metaspace\"} ~ decoder type 'Metaspace' is not supported",
                "\"TemplateProcessing\" ~ \"Magic\" ~ post-processor type 'Magic' is not supported",
                "\"use_regex\": true}] ~ \"use_regex\": true}, {\"type\": \"Digits\"}] ~ pre-tokenizer 'Digits' behind ByteLevel is not supported",
                "(?i:'s) ~ (a)\\\\1 ~ '\\1' is not supported at index",
                "(?i:'s) ~ (?i:ss) ~ ignoring case of 'ss' is not supported",
                "\\\\p{N} ~ \\\\p{Nonsense} ~ the character property 'Nonsense' is not known",
                "\"a b\" ~ \"a  b\" ~ merge 0 is 'a  b', expected two tokens",
                "\"a b\" ~ \"a q\" ~ merge 0 needs the token 'q', which has no id",
                "\"c\": 5 ~ \"c\": 4 ~ the id 4 of the token",
                "\"c\": 5 ~ \"c\": 99999999 ~ the token 'c' has the id 99999999, expected 0 to",
                "\"c\": 5 ~ \"c\": -5 ~ the token 'c' has the id -5, expected 0 to",
                "\"c\": 5 ~ \"c\": \"5\" ~ the id of the token 'c' is VALUE_STRING",
                "\"id\": 6 ~ \"id\": 3 ~ the id 3 of the added token '<s>' is another token's",
                "\"content\": \"<s>\" ~ \"content\": \"ab\" ~ the added token 'ab' has the id 6, but 3 in the vocabulary",
                "\"model\" ~ \"modell\" ~ 'model' is missing",
            })
    void namesWhatItDoesNotSupport(String from, String to, String message) {
        String changed = SMALL.replace(from, to);
        assertThat(changed).isNotEqualTo(SMALL);
        assertThatThrownBy(() -> parse(changed))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith("tokenizer.json: ")
                .hasMessageContaining(message);
    }

    @Test
    void refusesEveryTruncation() {
        byte[] file = SMALL.strip().getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < file.length; length++) {
            byte[] cut = Arrays.copyOf(file, length);
            assertThatThrownBy(() -> Tokenizer.parse(cut, "cut.json"))
                    .isInstanceOf(TokenizerException.class)
                    .hasMessageStartingWith("cut.json: ");
        }
    }

    @Test
    @Tag("slow")
    void survivesRandomChangesOfASmallFile() {
        assertTimeoutPreemptively(
                Duration.ofSeconds(60), () -> survives(SMALL.getBytes(StandardCharsets.UTF_8), 20_000, 7));
    }

    @Test
    @Tag("slow")
    void survivesRandomChangesOfARealFile() {
        assertTimeoutPreemptively(
                Duration.ofMinutes(4), () -> survives(Goldens.bytes("/models/nano/tokenizer.json"), 1_500, 8));
    }

    /** A changed file is refused with a TokenizerException, or read; then it encodes, or says that it cannot. */
    private static void survives(byte[] file, int rounds, long seed) {
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int read = 0;
        for (int round = 0; round < rounds; round++) {
            byte[] changed = changed(file, random);
            try {
                Tokenizer tokenizer = Tokenizer.parse(changed, "changed.json");
                read++;
                int[] ids = tokenizer.encode("ab ab<s> 12 it's\n\n  é你😀 <｜User｜>");
                tokenizer.decode(ids, true);
            } catch (TokenizerException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        }
        System.out.println(read + " of " + rounds + " changed files could be read");
    }

    private static byte[] changed(byte[] file, Random random) {
        byte[] changed = file.clone();
        int edits = 1 + random.nextInt(4);
        for (int i = 0; i < edits; i++) {
            int at = random.nextInt(changed.length);
            switch (random.nextInt(5)) {
                case 0 -> changed[at] = (byte) random.nextInt(256);
                case 1 -> changed[at] = (byte) "{}[]\",:\\?*+(){}|0123456789nt".charAt(random.nextInt(28));
                case 2 -> changed = Arrays.copyOf(changed, Math.max(at, 1));
                case 3 -> {
                    int length = Math.min(random.nextInt(20), changed.length - at);
                    System.arraycopy(changed, random.nextInt(changed.length - length + 1), changed, at, length);
                }
                default -> {
                    byte[] shorter = new byte[changed.length - 1];
                    System.arraycopy(changed, 0, shorter, 0, at);
                    System.arraycopy(changed, at + 1, shorter, at, shorter.length - at);
                    changed = shorter.length == 0 ? changed : shorter;
                }
            }
        }
        return changed;
    }
}
