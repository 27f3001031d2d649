package dev.fathom.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FileChoiceTest {
    private static FileChoice choice(String id, String... paths) {
        List<RepoFile> files = Stream.of(paths)
                .map(path -> new RepoFile(path, 1, Optional.empty()))
                .toList();
        return FileChoice.of(
                new RepoListing("c0ffee", files),
                new HubRequest(HubId.parse(id).orElseThrow(), Optional.empty(), HubRequest.Part.MODEL));
    }

    private static List<String> paths(FileChoice choice) {
        return choice.files().stream().map(RepoFile::path).sorted().toList();
    }

    @Test
    void takesWhatAModelIsLoadedFrom() {
        FileChoice choice = choice(
                "a/b",
                ".gitattributes",
                "LICENSE",
                "README.md",
                "chat_template.jinja",
                "config.json",
                "figures/benchmark.png",
                "generation_config.json",
                "inference/config_671B.json",
                "inference/model.py",
                "model-00001-of-000002.safetensors",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
                "modeling_deepseek.py",
                "original/consolidated.00.pth",
                "pytorch_model.bin",
                "tokenizer.json",
                "tokenizer_config.json");
        assertThat(paths(choice))
                .containsExactly(
                        "chat_template.jinja",
                        "config.json",
                        "generation_config.json",
                        "model-00001-of-00002.safetensors",
                        "model-00002-of-00002.safetensors",
                        "model.safetensors.index.json",
                        "tokenizer.json",
                        "tokenizer_config.json");
        assertThat(choice.file()).isEmpty();
    }

    @Test
    void takesASingleFileWithoutIndex() {
        assertThat(paths(choice("a/b", "config.json", "model.safetensors", "tokenizer.json")))
                .containsExactly("config.json", "model.safetensors", "tokenizer.json");
    }

    @Test
    void findsAGgufByItsQuantizationAllPartsOfIt() {
        String[] files = {
            "Q4_K_M/DeepSeek-V3-Q4_K_M-00001-of-00002.gguf",
            "Q4_K_M/DeepSeek-V3-Q4_K_M-00002-of-00002.gguf",
            "DeepSeek-V3-Q4_K.gguf",
            "DeepSeek-V3-Q8_0.gguf",
            "config.json"
        };
        assertThat(paths(choice("a/b:q4_k_m", files)))
                .containsExactly(
                        "Q4_K_M/DeepSeek-V3-Q4_K_M-00001-of-00002.gguf",
                        "Q4_K_M/DeepSeek-V3-Q4_K_M-00002-of-00002.gguf");
        assertThat(choice("a/b:Q4_K_M", files).file()).isEqualTo("Q4_K_M/DeepSeek-V3-Q4_K_M-00001-of-00002.gguf");
        assertThat(paths(choice("a/b:Q4_K", files))).containsExactly("DeepSeek-V3-Q4_K.gguf");
        assertThat(paths(choice("a/b:DeepSeek-V3-Q8_0.gguf", files))).containsExactly("DeepSeek-V3-Q8_0.gguf");
    }

    @Test
    void asksWhichOfSeveralGgufs() {
        assertThatThrownBy(() -> choice("a/b", "x-Q4_K_M.gguf", "x-Q8_0.gguf"))
                .isInstanceOf(CheckpointException.class)
                .hasMessage("a/b has 2 GGUF models (x-Q4_K_M.gguf, x-Q8_0.gguf): say which one, as in a/b:Q4_K_M.");
        assertThatThrownBy(() -> choice("a/b:Q2_K", "x-Q4_K_M.gguf", "x-Q8_0.gguf"))
                .hasMessage(
                        "a/b has no GGUF file that is named or contains \"Q2_K\"; it has x-Q4_K_M.gguf, x-Q8_0.gguf.");
        assertThat(paths(choice("a/b", "x-Q4_K_M.gguf"))).containsExactly("x-Q4_K_M.gguf");
    }

    @Test
    void saysWhatARepositoryLacks() {
        assertThatThrownBy(() -> choice("a/b", "config.json", "pytorch_model.bin"))
                .hasMessageStartingWith(
                        "a/b has no *.safetensors and no *.gguf (it has config.json, pytorch_model.bin): look for");
        assertThatThrownBy(() -> choice("a/b", "README.md"))
                .hasMessage("a/b holds neither config.json nor a GGUF file, so it is no model that could be loaded.");
    }
}
