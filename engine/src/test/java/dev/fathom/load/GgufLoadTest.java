package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.GgufCheckpoint;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.NanoGguf;
import dev.fathom.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The nano model's GGUF file through the loader. */
class GgufLoadTest {
    @Test
    void loadsAFileWithAllItsMetadataSays() {
        Path file = NanoGguf.file("Q8_0");
        try (LoadedModel nano =
                ModelLoader.load(LoadOptions.EMBEDDED.withModelPath(file).withThreads(1), LoadProgress.none())) {
            assertThat(nano.modelName()).isEqualTo(String.valueOf(file.getFileName()));
            assertThat(nano.contextLength()).isEqualTo(8192);
            assertThat(nano.endTokenIds()).containsExactly(1);
            assertThat(nano.tokenizerConfig().bosToken()).contains("<｜begin▁of▁sentence｜>");
            assertThat(nano.tokenizerConfig().addBosToken()).isTrue();
            assertThat(nano.config().text("torch_dtype")).isEqualTo("GGUF Q8_0");
            String prompt = nano.chatTemplate()
                    .orElseThrow()
                    .render(Map.of(
                            "messages", List.of(Map.of("role", "user", "content", "Hi")),
                            "add_generation_prompt", true,
                            "bos_token", nano.tokenizerConfig().bosToken().orElse("")));
            assertThat(prompt).isEqualTo("<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜></think>");
        }
    }

    @Test
    void encodesAndDecodesAsTokenizerJson() throws IOException {
        GgufCheckpoint gguf = GgufCheckpoint.open(NanoGguf.file("BF16"));
        Tokenizer tokenizer = Tokenizer.parse(gguf.read("tokenizer.json"), gguf.describe("tokenizer.json"));
        int cases = 0;
        try (InputStream in = Objects.requireNonNull(
                GgufLoadTest.class.getResourceAsStream("/golden/tokenizer/nano.json"), "golden/tokenizer/nano.json")) {
            for (JsonNode each : JsonMapper.shared().readTree(in)) {
                int[] ids = new int[each.get("ids").size()];
                Arrays.setAll(ids, i -> each.get("ids").get(i).intValue());
                assertThat(tokenizer.encode(each.get("text").stringValue()))
                        .as("%s", each.get("text"))
                        .containsExactly(ids);
                assertThat(tokenizer.decode(ids, false))
                        .isEqualTo(each.get("decoded").stringValue());
                cases++;
            }
        }
        assertThat(cases).isGreaterThan(100);
    }

    @Test
    void refusesACutFile(@TempDir Path folder) throws IOException {
        byte[] whole = Files.readAllBytes(NanoGguf.file("Q8_0"));
        Path cut = Files.write(folder.resolve("cut.gguf"), Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> ModelLoader.load(LoadOptions.EMBEDDED.withModelPath(cut), LoadProgress.none()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("cut.gguf is truncated", "download it again");
    }
}
