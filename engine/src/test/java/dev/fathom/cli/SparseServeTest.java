package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** DeepSeek-V3.2's tiny checkpoint through the commands. */
@Timeout(180)
class SparseServeTest {
    private static final Path TINY = Path.of("src/test/resources/golden/tiny-deepseek-v32");

    @ParameterizedTest
    @CsvSource({"float32, golden.json", "fp8, golden_fp8.json"})
    @Tag("slow")
    void answersAsTheReferenceInBothFormsOfTheIndexer(String form, String golden)
            throws IOException, InterruptedException {
        JsonNode cases = JsonMapper.shared()
                .readTree(Files.readAllBytes(TINY.resolve(golden)))
                .path("cases");
        try (ServerProcess server = ServerProcess.start(
                "--model-path",
                TINY.toString(),
                "--skip-tokenizer-init",
                "--kv-cache-dtype",
                "float32",
                "--dsa-indexer-dtype",
                form)) {
            assertThat(cases.size()).isEqualTo(5);
            for (JsonNode golds : cases) {
                String request = """
                        {"input_ids": %s, "sampling_params": {"temperature": 0, "max_new_tokens": %d, "ignore_eos": true}}""".formatted(
                        golds.path("prompt_ids"), golds.path("greedy_ids").size());
                String answer = server.generate(request).collect(Collectors.joining());
                assertThat(JsonMapper.shared().readTree(answer).path("output_ids"))
                        .as(
                                "%s, %d tokens before",
                                form, golds.path("prompt_ids").size())
                        .isEqualTo(golds.path("greedy_ids"));
            }
        }
    }

    @Test
    void isPlannedWithItsIndexOfKeys() {
        CommandRunner runner = new CommandRunner();
        int status = runner.run("plan", TINY.toString(), "--memory", "1", "--bandwidth", "10", "--flops", "100");
        assertThat(status).isZero();
        // 64 + 16 numbers of the latent and 32 of the index's key, in three layers, in BF16.
        assertThat(runner.out()).contains("672 B of cache a token");
    }
}
