package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class TokenizerTest {
    private static final Tokenizer NANO = Goldens.nano();
    private static final Tokenizer V3 = Goldens.deepSeekV3();

    @Test
    void equalsTheReferenceOnTheNanoModel() {
        equalsTheReference(NANO, "/golden/tokenizer/nano.json");
    }

    @Test
    void equalsTheReferenceOnDeepSeekV3() {
        equalsTheReference(V3, "/golden/tokenizer/deepseek_v3.json");
    }

    private static void equalsTheReference(Tokenizer tokenizer, String golden) {
        JsonNode cases = Goldens.json(golden);
        assertThat(cases.size()).isGreaterThan(200);
        for (JsonNode each : cases) {
            String text = each.get("text").stringValue();
            int[] ids = Goldens.ids(each.get("ids"));
            assertThat(tokenizer.encode(text)).as("ids of %s", text).isEqualTo(ids);
            assertThat(tokenizer.decode(ids, false))
                    .isEqualTo(each.get("decoded").stringValue());
        }
    }

    @Test
    void encodesTheGoldenPrompts() {
        for (String golden : new String[] {"/golden/nano/nano_fp8.json", "/golden/nano/nano_bf16.json"}) {
            for (JsonNode each : Goldens.json(golden).get("cases")) {
                assertThat(NANO.encode(each.get("prompt").stringValue()))
                        .isEqualTo(Goldens.ids(each.get("prompt_ids")));
                int[] ids = Goldens.ids(each.get("greedy_ids"));
                assertThat(NANO.decode(ids, false))
                        .isEqualTo(each.get("greedy_text").stringValue());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a", " ", "\n", "1", "é漢", "😀", "ab", "!", "\u0000", "\u0301", "𝒜a", " x", "<", "<｜", "'s"})
    void staysFastOnVeryLongPieces(String unit) {
        String text = unit.repeat(200_000 / unit.length()) + "x1";
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            int[] ids = V3.encode(text);
            assertThat(V3.decode(ids, false)).isEqualTo(text);
        });
    }

    @Test
    void encodesPiecesBeyondTheScanAsItWouldEncodeShortOnes() {
        // "a b" pieces of all lengths around the change from scanning to the heap: the merges must agree.
        Random random = new Random(5);
        for (int length = 1; length < 150; length++) {
            StringBuilder piece = new StringBuilder();
            for (int i = 0; i < length; i++) {
                piece.append("etaoinshrdlu".charAt(random.nextInt(12)));
            }
            String text = piece.toString();
            assertThat(V3.decode(V3.encode(text), false)).isEqualTo(text);
            assertThat(V3.encode(text + " " + text)).startsWith(V3.encode(text));
        }
    }

    @Test
    void givesManyThreadsTheSameIds() throws Exception {
        List<String> texts = new ArrayList<>();
        List<int[]> wanted = new ArrayList<>();
        for (JsonNode each : Goldens.json("/golden/tokenizer/deepseek_v3.json")) {
            texts.add(each.get("text").stringValue());
            wanted.add(Goldens.ids(each.get("ids")));
        }
        Tokenizer fresh = Goldens.deepSeekV3();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Callable<Boolean>> tasks = new ArrayList<>();
            for (int task = 0; task < 32; task++) {
                int first = task * 7;
                tasks.add(() -> {
                    for (int i = 0; i < texts.size(); i++) {
                        int at = (first + i) % texts.size();
                        if (!Arrays.equals(fresh.encode(texts.get(at)), wanted.get(at))) {
                            return false;
                        }
                    }
                    return true;
                });
            }
            for (Future<Boolean> done : threads.invokeAll(tasks)) {
                assertThat(done.get()).isTrue();
            }
        }
    }

    @Test
    void takesALoneSurrogateForAReplacementCharacter() {
        assertThat(V3.encode("a\ud800b")).isEqualTo(V3.encode("a\ufffdb"));
        assertThat(V3.encode("\udc00\ud800")).isEqualTo(V3.encode("\ufffd\ufffd"));
    }

    @Test
    void knowsItsTokens() {
        assertThat(V3.size()).isEqualTo(128_815);
        assertThat(V3.id("<｜User｜>")).hasValue(128_803);
        assertThat(V3.isSpecial(0)).isTrue();
        assertThat(V3.isSpecial(128_803)).isFalse();
        assertThat(V3.isSpecial(-1)).isFalse();
        assertThat(V3.isSpecial(1_000_000)).isFalse();
        assertThat(V3.decode(new int[] {0, 128_803, 19_923, 129_279}, true))
                .isEqualTo("<｜User｜>" + V3.decode(new int[] {19_923}, true));
        assertThatThrownBy(() -> V3.decode(new int[] {-1}, true)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void doesNotLendItsBytes() {
        int id = V3.encode("Hello")[0];
        V3.bytes(id)[0] = 'J';
        assertThat(V3.decode(new int[] {id}, false)).isEqualTo("Hello");
    }
}
