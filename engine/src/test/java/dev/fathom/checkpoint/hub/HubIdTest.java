package dev.fathom.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubIdTest {
    @Test
    void readsOwnerAndName() {
        assertThat(HubId.parse("deepseek-ai/DeepSeek-V2-Lite"))
                .contains(new HubId("deepseek-ai", "DeepSeek-V2-Lite", Optional.empty()));
    }

    @Test
    void readsWhichFile() {
        HubId id = HubId.parse("unsloth/DeepSeek-V3-GGUF:Q4_K_M").orElseThrow();
        assertThat(id.file()).contains("Q4_K_M");
        assertThat(id.repository()).isEqualTo("unsloth/DeepSeek-V3-GGUF");
        assertThat(id).hasToString("unsloth/DeepSeek-V3-GGUF:Q4_K_M");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "DeepSeek-V3",
                "/models/x",
                "./a/b",
                "../a",
                "a/b/c",
                "a/",
                "/b",
                "a/..",
                "..x/y",
                "C:\\models\\x",
                "a/b:",
                "a b/c",
                "a/b--c",
                ""
            })
    void takesNoPathForAnId(String text) {
        assertThat(HubId.parse(text)).isEmpty();
    }
}
