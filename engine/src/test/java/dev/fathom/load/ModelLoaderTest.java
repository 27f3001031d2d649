package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.model.ModelOptions;
import dev.fathom.text.TemplateException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLoaderTest {
    private static final LoadOptions ONE_THREAD = LoadOptions.EMBEDDED.withThreads(1);

    @TempDir
    Path folder;

    @Test
    void loadsTheEmbeddedModelWithAllItSaysAboutItself() {
        List<Long> progress = new ArrayList<>();
        try (LoadedModel nano = ModelLoader.load(ONE_THREAD, (done, total) -> {
            synchronized (progress) {
                progress.add(done);
            }
        })) {
            assertThat(nano.modelName()).isEqualTo("nano");
            assertThat(nano.contextLength()).isEqualTo(8192);
            assertThat(nano.endTokenIds()).containsExactly(1);
            assertThat(nano.generationDefaults().temperature()).contains(0.6f);
            assertThat(nano.generationDefaults().topP()).contains(0.95f);
            assertThat(nano.generationDefaults().topK()).isEmpty();
            assertThat(nano.tokenizerConfig().bosToken()).contains("<｜begin▁of▁sentence｜>");
            assertThat(nano.tokenizerConfig().addBosToken()).isTrue();
            assertThat(nano.weightBytes()).isBetween(27_000_000L, 28_000_000L);
            assertThat(nano.kernels().name()).isEqualTo("vector");
            assertThat(prompt(nano)).isEqualTo("<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜></think>");
            assertThat(nano.tokenizer().orElseThrow().encode(prompt(nano))).startsWith(0);
            assertThat(progress).isNotEmpty().isSorted();
        }
    }

    @Test
    void skipsTheTokenizerWhenAsked() {
        try (LoadedModel nano = ModelLoader.load(ONE_THREAD.withSkipTokenizer(true), LoadProgress.none())) {
            assertThat(nano.tokenizer()).isEmpty();
            assertThat(nano.chatTemplate()).isEmpty();
        }
    }

    @Test
    void takesAnotherChatTemplate() {
        try (LoadedModel nano =
                ModelLoader.load(ONE_THREAD.withChatTemplate("{{ messages[0].content }}!"), LoadProgress.none())) {
            assertThat(prompt(nano)).isEqualTo("Hi!");
        }
        assertThatThrownBy(() -> ModelLoader.load(ONE_THREAD.withChatTemplate("{% if %}"), LoadProgress.none()))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("--chat-template");
    }

    @Test
    void readsTokensAndTemplatesInEveryPublishedForm() throws IOException {
        copyTiny("config.json", "model.safetensors");
        Path tokenizer = Files.createDirectory(folder.resolve("tokenizer"));
        copy("/models/nano/tokenizer.json", tokenizer.resolve("tokenizer.json"));
        Files.writeString(tokenizer.resolve("tokenizer_config.json"), """
                {"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": null,
                 "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}
                """);
        assertThatThrownBy(() -> load(ONE_THREAD.withTokenizerPath(tokenizer)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("vocab_size 320")
                .hasMessageContaining("do not belong together");
        TokenizerConfig config = TokenizerConfig.read(CheckpointFiles.folder(tokenizer));
        assertThat(config).isEqualTo(new TokenizerConfig(Optional.of("<b>"), Optional.empty(), false));
        assertThat(TokenizerConfig.template(CheckpointFiles.folder(tokenizer), null)
                        .orElseThrow()
                        .jinja())
                .isEqualTo("D");
        Files.writeString(tokenizer.resolve("chat_template.jinja"), "F");
        assertThat(TokenizerConfig.template(CheckpointFiles.folder(tokenizer), null)
                        .orElseThrow()
                        .jinja())
                .isEqualTo("F");
    }

    @Test
    void takesTheTemplateThatIsAskedForByName() throws IOException {
        CheckpointFiles files = CheckpointFiles.folder(folder);
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}
                """);
        assertThat(TokenizerConfig.template(files, "tool_use").orElseThrow().jinja())
                .isEqualTo("T");
        assertThat(TokenizerConfig.template(files, "default").orElseThrow().jinja())
                .isEqualTo("D");
        assertThatThrownBy(() -> TokenizerConfig.template(files, "rag"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("\"rag\"", "only [tool_use, default]", "--hf-chat-template-name");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"chat_template\": \"only\"}");
        assertThatThrownBy(() -> TokenizerConfig.template(files, "default"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("got none");
    }

    @Test
    void putsOtherValuesInThePlaceOfThoseOfTheConfiguration() throws IOException {
        copyTiny("config.json");
        LoadOptions random = ONE_THREAD
                .withModelPath(folder)
                .withSkipTokenizer(true)
                .withWeights(new WeightOptions(null, true, false));
        int layers = layers(random);
        assertThat(layers).isGreaterThan(1);
        assertThat(layers(random.withConfigOverrides("{\"num_hidden_layers\": 1}")))
                .isEqualTo(1);
        assertThatThrownBy(() -> layers(random.withConfigOverrides("{\"num_hidden_layers\": \"one\"}")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("config.json with --json-model-override-args", "num_hidden_layers");
        assertThatThrownBy(() -> layers(random.withConfigOverrides("{")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("--json-model-override-args");
    }

    private static int layers(LoadOptions options) {
        try (LoadedModel model = ModelLoader.load(options, LoadProgress.none())) {
            return model.model().kvShape().layers();
        }
    }

    @Test
    void refusesTemplatesAndTokensItCannotUse() throws IOException {
        Path file = folder.resolve("tokenizer_config.json");
        Files.writeString(file, "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"R\"}]}");
        assertThatThrownBy(() -> TokenizerConfig.template(CheckpointFiles.folder(folder), null))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("tokenizer_config.json", "[rag]", "\"default\"", "--chat-template");
        Files.writeString(file, "{\"bos_token\": 7, \"chat_template\": null}");
        assertThatThrownBy(() -> TokenizerConfig.read(CheckpointFiles.folder(folder)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("bos_token", "7");
        assertThat(TokenizerConfig.template(CheckpointFiles.folder(folder), null))
                .isEmpty();
    }

    @Test
    void endsAtTheIdsOfBothConfigurations() throws IOException {
        copyTiny("config.json", "model.safetensors");
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [5, 6]}");
        try (LoadedModel tiny = load(ONE_THREAD.withSkipTokenizer(true))) {
            assertThat(tiny.endTokenIds()).containsExactlyInAnyOrder(1, 5, 6);
        }
    }

    @Test
    void loadsAFolderWithoutTokenizerOnlyWhenItIsSkipped() throws IOException {
        copyTiny("config.json", "model.safetensors");
        assertThatThrownBy(() -> load(ONE_THREAD))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("--skip-tokenizer-init");
        try (LoadedModel tiny = load(ONE_THREAD.withSkipTokenizer(true))) {
            assertThat(tiny.modelName()).isEqualTo(folder.getFileName().toString());
            assertThat(tiny.generationDefaults().temperature()).isEmpty();
        }
    }

    @Test
    void refusesWhatItCannotRunBeforeAnyWeightIsRead() throws IOException {
        copyTiny("config.json");
        String config = Files.readString(folder.resolve("config.json"));
        Files.writeString(folder.resolve("config.json"), config.replace("DeepseekV3ForCausalLM", "MistralForCausalLM"));
        assertThatThrownBy(() -> load(ONE_THREAD.withSkipTokenizer(true)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("MistralForCausalLM")
                .hasMessageContaining("DeepseekV3ForCausalLM");
        assertThatThrownBy(() -> ModelLoader.load(ONE_THREAD.withKernelBackend("tpu"), LoadProgress.none()))
                .hasMessageContaining("tpu")
                .hasMessageContaining("scalar");
        assertThatThrownBy(() -> load(LoadOptions.EMBEDDED.withModelPath(folder.resolve("nowhere"))))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("nowhere");
    }

    @Test
    void refusesAContextLongerThanTheModelsUnlessAllowed() {
        LoadOptions longer =
                ONE_THREAD.withModel(new ModelOptions(ModelOptions.DEFAULT.attentionForm(), 1024, 10_000, false));
        assertThatThrownBy(() -> ModelLoader.load(longer, LoadProgress.none()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("--context-length 10000")
                .hasMessageContaining("8192");
        try (LoadedModel nano = ModelLoader.load(longer.withAllowLongerContext(true), LoadProgress.none())) {
            assertThat(nano.contextLength()).isEqualTo(10_000);
        }
    }

    private LoadedModel load(LoadOptions options) {
        return ModelLoader.load(
                options.modelPath() == null ? options.withModelPath(folder) : options, LoadProgress.none());
    }

    private static String prompt(LoadedModel loaded) {
        return loaded.chatTemplate()
                .orElseThrow()
                .render(Map.of(
                        "messages", List.of(Map.of("role", "user", "content", "Hi")),
                        "add_generation_prompt", true,
                        "bos_token", loaded.tokenizerConfig().bosToken().orElse(""),
                        "eos_token", loaded.tokenizerConfig().eosToken().orElse("")));
    }

    private void copyTiny(String... names) {
        for (String name : names) {
            copy("/golden/tiny-deepseek-v3/" + name, folder.resolve(name));
        }
    }

    private static void copy(String resource, Path to) {
        try (InputStream in = ModelLoaderTest.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException(resource + " is not on the class path");
            }
            Files.copy(in, to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
