package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.HfConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ModelCensusTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    @ParameterizedTest
    @ValueSource(strings = {"tiny-deepseek-v2", "tiny-deepseek-v2-lite", "tiny-deepseek-v3", "tiny-qwen2"})
    void countsWhatTheFileHolds(String model) throws IOException {
        Path folder = GOLDEN.resolve(model);
        HfConfig config = HfConfig.parse(Files.readAllBytes(folder.resolve("config.json")), model);
        assertThat(ModelCensus.of(config, PlanFormat.PUBLISHED).parameters()).isEqualTo(numbers(folder));
    }

    /** Of all tensors, by the header. */
    private static long numbers(Path folder) throws IOException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("model.safetensors")))
                .order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(file.getLong())];
        file.get(header);
        long numbers = 0;
        for (JsonNode tensor : JsonMapper.shared().readTree(new String(header, StandardCharsets.UTF_8))) {
            long product = tensor.has("shape") ? 1 : 0;
            for (JsonNode size : tensor.path("shape")) {
                product *= size.asLong();
            }
            numbers += product;
        }
        return numbers;
    }

    /** What the models' cards say: parameters in all and for each token, and the files' sizes. */
    @ParameterizedTest
    @CsvSource({
        "DeepSeek-V2-Lite, 15.7, 2.5, 31.4",
        "DeepSeek-V3, 671.0, 36.6, 673.1",
        "DeepSeek-R1-Distill-Qwen-7B, 7.6, 7.1, 15.2",
        "DeepSeek-R1-Distill-Llama-8B, 8.0, 7.5, 16.1"
    })
    void knowsThePublishedModels(String name, double parameters, double active, double gigabytes) {
        ModelSize size = ModelCensus.of(KnownModels.config(name).orElseThrow(), PlanFormat.PUBLISHED);
        assertThat(size.parameters() / 1e9).isCloseTo(parameters, org.assertj.core.data.Offset.offset(0.05));
        assertThat(size.activeParameters() / 1e9).isCloseTo(active, org.assertj.core.data.Offset.offset(0.1));
        assertThat(size.weightBytes() / 1e9).isCloseTo(gigabytes, org.assertj.core.data.Offset.offset(0.1));
    }

    @Test
    @Tag("slow")
    void countsEveryModelThatIsKnown() {
        for (KnownModels.Known known : KnownModels.all()) {
            ModelSize size = ModelCensus.of(known.config(), PlanFormat.PUBLISHED);
            assertThat(size.parameters()).as(known.ids().getFirst()).isGreaterThan(1_000_000_000);
        }
    }

    /** The absorbed halves of kv_b_proj: float32 on a processor, FP8 and its scales on a GPU. */
    @Test
    @Tag("slow")
    void countsCopiesInTheFormatTheyHaveThere() {
        HfConfig config = KnownModels.config("DeepSeek-V3").orElseThrow();
        long cpu = ModelCensus.of(config, PlanFormat.PUBLISHED).copiedBytes();
        ModelSize gpu = ModelCensus.of(config, PlanFormat.PUBLISHED, true);
        long numbers = 61L * 128 * (128 + 128) * 512;
        assertThat(cpu).isEqualTo(4 * numbers);
        assertThat(gpu.copiedBytes()).isEqualTo(numbers + numbers / (128 * 128) * 4);
        assertThat(gpu.decodeOnly().numbers()).isEqualTo(numbers);
    }

    @Test
    void readsFewerExpertsThanThereAre() {
        ModelSize size = ModelCensus.of(KnownModels.config("DeepSeek-V2-Lite").orElseThrow(), PlanFormat.BF16);
        assertThat(size.decodeBytes(1)).isBetween(4.8e9, 5e9);
        assertThat(size.decodeBytes(64)).isBetween(28e9, 31.5e9);
        assertThat(size.kvShape().rowWidth()).isEqualTo(576);
        assertThat(size.kvShape().layers()).isEqualTo(27);
    }
}
