package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.engine.EngineListener;
import dev.fathom.kernels.KvFormat;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands with the embedded model; its greedy answers are the reference's. */
@Tag("slow")
class NanoCommandsTest {
    private static final String WHO = "I am Nano, a very small language model with DeepSeek-V3's architecture. I can do"
            + " arithmetic, call tools, write JSON, find facts in a text and tell short stories.";

    private final CommandRunner runner = new CommandRunner();
    private final JsonMapper json = new JsonMapper();
    private final List<Double> shares = new ArrayList<>();

    @Test
    void answersOnePrompt() {
        int status = runner.run("generate", "--chat", "--prompt", "Who are you?", "--temperature", "0");
        assertThat(runner.err()).startsWith("Loaded ").contains("[38 tokens, ");
        assertThat(runner.out()).isEqualToNormalizingNewlines(WHO + "\n");
        assertThat(status).isZero();
    }

    @Test
    void answersLinesOfJson(@TempDir Path folder) throws IOException {
        Path prompts = folder.resolve("prompts.jsonl");
        Files.writeString(prompts, """
                {"id": 1, "prompt": "Who are you?"}

                not JSON
                {"id": 2}
                {"id": 3, "prompt": "Calculate 94 - 17.", "tag": ["x"]}
                """);
        int status = runner.run(
                "generate", "--chat", "--jsonl", "--file", prompts.toString(), "--temperature", "0", "--thinking");
        List<JsonNode> answers = runner.out().lines().map(json::readTree).toList();
        assertThat(answers).hasSize(4);
        assertThat(answers.get(0).path("id").asInt()).isEqualTo(1);
        assertThat(answers.get(0).path("completion_tokens").asInt()).isPositive();
        assertThat(answers.get(1).path("error").asString()).startsWith("line 3 is not JSON");
        assertThat(answers.get(2).path("error").asString()).isEqualTo("line 4 needs \"prompt\", a text");
        assertThat(answers.get(3).path("text").asString()).endsWith("94 - 17 = 77");
        assertThat(answers.get(3).path("tag").toString()).isEqualTo("[\"x\"]");
        assertThat(answers.get(3).path("finish_reason").asString()).isEqualTo("stop");
        assertThat(runner.err())
                .endsWith("fathom: 2 of the prompts failed; their lines say why." + System.lineSeparator());
        assertThat(status).isEqualTo(1);
    }

    @Test
    void answersManyLinesTogetherAndInOrder(@TempDir Path folder) throws IOException {
        Path prompts = folder.resolve("prompts.jsonl");
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            lines.append("{\"id\": ").append(i).append(", \"prompt\": \"Calculate ");
            lines.append(20 + i).append(" + 11.\"}\n");
        }
        Files.writeString(prompts, lines);
        runner.run("generate", "--chat", "--jsonl", "--file", prompts.toString(), "--temperature", "0");
        List<JsonNode> answers = runner.out().lines().map(json::readTree).toList();
        assertThat(answers)
                .extracting(answer -> answer.path("id").asInt())
                .containsExactlyElementsOf(IntStream.range(0, 40).boxed().toList());
        assertThat(answers)
                .extracting(answer -> answer.path("prompt_tokens").asInt())
                .doesNotContain(0);
        assertThat(runner.err()).contains("40 answers, ");
    }

    @Test
    void completesTheInput() {
        runner.input("The capital of France is");
        assertThat(runner.run("generate", "--max-tokens", "3", "--temperature", "0", "--json"))
                .isZero();
        JsonNode answer = json.readTree(runner.out());
        assertThat(answer.path("prompt_tokens").asInt()).isBetween(4, 10);
        assertThat(answer.path("completion_tokens").asInt()).isBetween(1, 3);
    }

    @Test
    void chatsThroughAPipe() {
        runner.input("Who are you?\n/reset\n/think on\nCalculate 94 - 17.\n/stats\n");
        assertThat(runner.run("chat", "--temperature", "0")).isZero();
        assertThat(runner.out().lines()).hasSize(2).first().isEqualTo(WHO);
        assertThat(runner.out().lines()).last().isEqualTo("94 - 17 = 77");
        assertThat(runner.err()).contains("So 94-17=77.").contains("answers            2");
    }

    @Test
    void warmsUpAndSaysWhatItChose() throws InterruptedException {
        ModelFlags flags = new ModelFlags();
        Terminal terminal = runner.terminal();
        LoadedModel loaded = LocalEngine.load(flags.options(Environment.of(Map.of()), false), flags, terminal);
        try (LocalEngine local = LocalEngine.start(loaded, flags, new SchedulerFlags(), EngineListener.none())) {
            WarmUp.Result result =
                    WarmUp.run(local, Duration.ofSeconds(30), (share, decode, prefill) -> shares.add(share));
            assertThat(result.rounds()).isPositive().isEqualTo(shares.size());
            assertThat(shares).allMatch(share -> share > 0);
            assertThat(result.decodeRate()).isPositive();
            assertThat(result.prefillRate()).isPositive();
            assertThat(local.engine().stats().kvUsedTokens()).isZero();
            assertThat(local.engine().stats().runningRequests()).isZero();
            String banner = Banner.text(
                    "http://127.0.0.1:30000", "nano", local, Optional.of(result), List.of("--foo: has no meaning."));
            assertThat(banner)
                    .contains(
                            "DeepseekV3ForCausalLM",
                            "(FP8 blocks)",
                            "context    8,192 tokens",
                            "131,072 tokens in BF16, 251.7 MB (16 full contexts; ")
                    .contains("fcfs, up to 64 requests at a time, prompts in chunks of 2,048, prefix cache on")
                    .contains("note       --foo: has no meaning.", "curl http://127.0.0.1:30000/v1/chat/completions");
        }
    }

    @Test
    void rehearsesOnASmallModel() throws InterruptedException {
        LoadOptions options = new ModelFlags().options(Environment.of(Map.of()), false);
        Rehearsal rehearsal = Rehearsal.start(options, KvFormat.BF16, Duration.ofSeconds(30));
        assertThat(rehearsal.ended(Duration.ofSeconds(60))).isTrue();
        assertThat(rehearsal.result()).isPresent();
    }

    @Test
    void warmsUpAServerThatLetsNobodyWait() throws InterruptedException {
        ModelFlags flags = new ModelFlags();
        SchedulerFlags narrow = CommandLine.populateCommand(
                new SchedulerFlags(), "--max-running-requests", "1", "--max-queued-requests", "1");
        LoadedModel loaded = LocalEngine.load(flags.options(Environment.of(Map.of()), false), flags, runner.terminal());
        try (LocalEngine local = LocalEngine.start(loaded, flags, narrow, EngineListener.none())) {
            WarmUp.Result result =
                    WarmUp.run(local, Duration.ofSeconds(30), (share, decode, prefill) -> shares.add(share));
            assertThat(result.rounds()).isPositive().isEqualTo(shares.size());
        }
    }

    @Test
    void stopsWarmingUpWhenTimeIsOut() throws InterruptedException {
        ModelFlags flags = new ModelFlags();
        LoadedModel loaded = LocalEngine.load(flags.options(Environment.of(Map.of()), false), flags, runner.terminal());
        try (LocalEngine local = LocalEngine.start(loaded, flags, new SchedulerFlags(), EngineListener.none())) {
            WarmUp.Result result =
                    WarmUp.run(local, Duration.ofMillis(1), (share, decode, prefill) -> shares.add(share));
            assertThat(result.complete()).isFalse();
            assertThat(local.engine().stats().runningRequests()).isZero();
        }
    }
}
