package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.HfConfig;
import dev.fathom.model.WeightQuantization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The configurations that models are published with, and others after them: {@code golden/configs/published.json} has for each which
 * model of {@link KnownModels} it is like, the keys that differ or that the product has no use for, and what is in it.
 */
@Tag("slow")
class PublishedConfigsTest {
    private static final Path PUBLISHED = Path.of("src/test/resources/golden/configs/published.json");

    private static Stream<JsonNode> configurations() throws IOException {
        return StreamSupport.stream(
                JsonMapper.shared().readTree(Files.readAllBytes(PUBLISHED)).spliterator(), false);
    }

    @ParameterizedTest
    @MethodSource("configurations")
    void readsWhatIsPublished(JsonNode published) {
        String name = published.path("model").asString("");
        byte[] changes = JsonMapper.shared().writeValueAsBytes(published.path("config"));
        HfConfig config = KnownModels.config(published.path("like").asString(""))
                .orElseThrow()
                .overriddenBy(HfConfig.parse(changes, name));
        assertThat(WeightQuantization.read(config).label())
                .isEqualTo(published.path("weights").asString(""));
        ModelSize size = ModelCensus.of(config, PlanFormat.PUBLISHED);
        assertThat(size.parameters() / 1e9).isCloseTo(published.path("billions").asDouble(), Offset.offset(0.05));
        assertThat(size.weightBytes())
                .isBetween(
                        (long) (0.5 * size.parameters()),
                        WeightQuantization.read(config) == WeightQuantization.NONE
                                ? 2 * size.parameters() + 4_000_000
                                : 2 * size.parameters());
    }
}
