package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchCommandTest {
    private final CommandRunner runner = new CommandRunner();
    private FakeServer server;

    @BeforeEach
    void startServer() throws IOException {
        server = new FakeServer();
    }

    @AfterEach
    void stopServer() {
        server.close();
    }

    private int bench(String... more) {
        String[] args = new String[more.length + 3];
        args[0] = "bench";
        args[1] = "--base-url";
        args[2] = server.url();
        System.arraycopy(more, 0, args, 3, more.length);
        return runner.run(args);
    }

    /** As /generate streams: cumulative counts, the last event repeating the count. */
    private void serveGenerate() {
        JsonMapper json = new JsonMapper();
        server.on("/generate", (exchange, body) -> {
            int tokens = json.readTree(body)
                    .path("sampling_params")
                    .path("max_new_tokens")
                    .asInt();
            exchange.sendResponseHeaders(200, 0);
            for (int i = 1; i <= tokens; i++) {
                FakeServer.send(exchange, "{\"text\": \"x\", \"meta_info\": {\"completion_tokens\": " + i + "}}");
            }
            FakeServer.send(exchange, "{\"text\": \"x\", \"meta_info\": {\"completion_tokens\": " + tokens + "}}");
            FakeServer.send(exchange, "[DONE]");
        });
    }

    @Test
    void reportsWhatBenchServingReports(@TempDir Path folder) throws IOException {
        serveGenerate();
        Path file = folder.resolve("figures.jsonl");
        int status = bench(
                "--num-prompts",
                "6",
                "--random-input-len",
                "10",
                "--random-output-len",
                "5",
                "--random-range-ratio",
                "1",
                "--max-concurrency",
                "2",
                "--output-file",
                file.toString());
        assertThat(runner.err()).isEqualToNormalizingNewlines("Requests: 6 done.\n");
        assertThat(status).isZero();
        assertThat(runner.out())
                .contains("============ Serving Benchmark Result ============")
                .containsPattern("Successful requests: +6\\R")
                .containsPattern("Total input tokens: +60\\R")
                .containsPattern("Total generated tokens: +30\\R")
                .contains("Request throughput (req/s):", "Input token throughput (tok/s):")
                .contains("Output token throughput (tok/s):", "Total token throughput (tok/s):")
                .contains("Mean E2E Latency (ms):", "Median E2E Latency (ms):", "P99 E2E Latency (ms):")
                .contains("Mean TTFT (ms):", "Median TTFT (ms):", "P99 TTFT (ms):")
                .contains("Mean TPOT (ms):", "Median TPOT (ms):", "P99 TPOT (ms):")
                .contains("Mean ITL (ms):", "Median ITL (ms):", "P99 ITL (ms):", "Max ITL (ms):");
        JsonNode line = new JsonMapper().readTree(Files.readString(file));
        assertThat(line.path("completed").asInt()).isEqualTo(6);
        assertThat(line.path("total_output_tokens").asInt()).isEqualTo(30);
        assertThat(line.path("output_throughput").asDouble())
                .isCloseTo(30 / line.path("duration").asDouble(), within(1e-6));
        assertThat(line.path("p99_ttft_ms").asDouble()).isPositive();
        assertThat(server.bodies("/generate")).hasSize(7); // one to warm up
        assertThat(server.bodies("/generate").getLast()).contains("\"ignore_eos\":true", "\"temperature\":0");
    }

    @Test
    void drivesOpenAiCompletionsToo() {
        server.stream(
                "/v1/completions",
                "{\"choices\": [{\"text\": \"a\"}]}",
                "{\"choices\": [{\"text\": \"\"}]}",
                "{\"choices\": [{\"text\": \"b\"}]}",
                "{\"choices\": [], \"usage\": {\"completion_tokens\": 3}}");
        assertThat(bench("--backend", "sglang-oai", "--num-prompts", "2", "--random-output-len", "3"))
                .isZero();
        assertThat(runner.out()).containsPattern("Total generated tokens: +6\\R");
        assertThat(server.bodies("/v1/completions").getFirst()).contains("\"model\":\"fake-model\"");
    }

    @Test
    void saysHowManyFailedAndWhy() {
        server.answer("/generate", 503, "{\"object\": \"error\", \"message\": \"The request queue is full.\"}");
        assertThat(bench("--num-prompts", "3", "--warmup-requests", "0")).isEqualTo(1);
        assertThat(runner.out()).containsPattern("Failed requests: +3\\R");
        assertThat(runner.err())
                .contains("fathom: 3 of 3 requests failed; the first: The server answered")
                .contains("with status 503: The request queue is full.");
    }

    @Test
    void countsABrokenStreamAsAFailure() {
        server.on("/generate", (exchange, body) -> {
            exchange.sendResponseHeaders(200, 0);
            FakeServer.send(exchange, "{\"meta_info\": {\"completion_tokens\": 1}}");
        });
        assertThat(bench("--num-prompts", "1", "--warmup-requests", "0")).isEqualTo(1);
        assertThat(runner.err()).contains("ended without [DONE]");
    }

    @Test
    void saysThatNoServerAnswers() {
        server.close();
        assertThat(bench("--num-prompts", "1")).isEqualTo(1);
        assertThat(runner.err()).startsWith("fathom: No server answers at " + server.url() + ";");
    }

    @Test
    void refusesWrongOptionsInOneSentence() {
        assertThat(bench("--num-prompts", "0")).isEqualTo(2);
        assertThat(runner.err()).isEqualToNormalizingNewlines("fathom: --num-prompts must be at least 1, got 0.\n");
    }
}
