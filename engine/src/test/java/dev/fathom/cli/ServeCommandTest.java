package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class ServeCommandTest {
    /** Flags that SGLang does not have. */
    private static final Set<String> OWN = Set.of(
            "--default-chat-template-kwargs",
            "--kernel-backend",
            "--kernel-cache-dir",
            "--shutdown-timeout",
            "--max-request-bytes",
            "--profile-folder",
            "--dsa-indexer-dtype",
            "--threads",
            "--threads-bind",
            "--huge-pages",
            "--warmup-seconds",
            "--list-flags",
            "--help",
            "--version");

    private final CommandRunner runner = new CommandRunner();

    private static Set<String> options() {
        CommandLine serve = Objects.requireNonNull(
                Main.commandLine(new CommandRunner().terminal(), Environment.of(Map.of()), List.of())
                        .getSubcommands()
                        .get("serve"));
        Set<String> names = new HashSet<>();
        for (OptionSpec option : serve.getCommandSpec().options()) {
            for (String name : option.names()) {
                if (name.startsWith("--")) {
                    names.add(name);
                }
            }
        }
        return names;
    }

    @Test
    void hasEveryFlagThatTheTableCallsServed() {
        Set<String> served = new HashSet<>();
        for (Flag flag : FlagTable.load().flags()) {
            if (flag.state() == Flag.State.SERVED) {
                served.addAll(flag.names());
            }
        }
        assertThat(options()).containsAll(served);
    }

    @Test
    void hasNoFlagThatTheTableDoesNotCallServed() {
        FlagTable table = FlagTable.load();
        assertThat(options())
                .allSatisfy(name -> assertThat(OWN.contains(name)
                                || table.find(name).map(Flag::state).orElse(null) == Flag.State.SERVED)
                        .as(name)
                        .isTrue());
    }

    @Test
    void saysBeforeLoadingThatFilesForTlsAreNoSuch(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("key.pem"), "secret");
        assertThat(runner.run("serve", "--ssl-keyfile", file.toString(), "--ssl-certfile", file.toString()))
                .isEqualTo(1);
        assertThat(runner.err())
                .contains("fathom: TLS cannot be set up with " + file, "has no PRIVATE KEY. Give PEM files")
                .doesNotContain("unexpected", "secret");
    }

    /** Every line ends before a model would be loaded. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--tp 2 | --tp 2 is not supported in this version: ",
                "--threads-bind 3-1 | --threads-bind: a list of processors such as 0-3,8 is wanted, got \"3-1\".",
                "--port 70000 | --port must be in [0, 65535], got 70000.",
                "--port | Missing required parameter for option '--port' (PORT)",
                "--ssl-keyfile k.pem | --ssl-keyfile and --ssl-certfile belong together: give both.",
                "--fastapi-root-path llm/ | --fastapi-root-path must begin with a slash and not end with one, got llm/.",
                "--max-request-bytes 0 | --max-request-bytes must be at least 1, got 0.",
                "--log-requests-level 4 | --log-requests-level must be in [0, 3], got 4.",
                "--log-requests-format xml | --log-requests-format must be text or json, got xml.",
                "--log-level-http loud | --log-level-http must be debug, info, warning, error or critical, got loud.",
                "--port many | Invalid value for option '--port': 'many' is not an int",
                "--max-runing-requests=1 | Unknown option --max-runing-requests. Did you mean --max-running-requests?",
                "--kv-cache-dtype fp4_e2m1 | --kv-cache-dtype fp4_e2m1 is not supported in this version: use auto, bf16, fp8_e4m3 or float32.",
                "--load-format gguf | --load-format gguf is not supported in this version: use auto or safetensors or dummy.",
                "--kv-cache-dtype fp8_e5m2 | --kv-cache-dtype fp8_e5m2 is not served: DeepSeek's weights already are FP8 (E4M3), and a cache with two bits of mantissa beside them loses accuracy; fp8_e4m3 is as small and works.",
                "--device tpu | --device tpu is not supported in this version: use auto or cuda or cpu.",
                "--device cuda --kernel-backend c | --kernel-backend c runs on the CPU: give --device cpu, or leave the flag out.",
                "--dtype float16 | --dtype float16 is not supported in this version: use auto.",
                "--quantization gptq | --quantization gptq is not supported in this version: use w8a8_int8 or fp8 or awq.",
                "--schedule-policy random | --schedule-policy random is not supported in this version: use fcfs or lpm.",
                "--mem-fraction-static 1.5 | --mem-fraction-static must be between 0 and 1, got 1.5.",
                "--max-running-requests 0 | --max-running-requests must be at least 1, got 0.",
                "--chunked-prefill-size 0 | --chunked-prefill-size must be positive, or -1 for whole prompts, got 0.",
                "--page-size 64 --chunked-prefill-size 16 | --chunked-prefill-size and --max-prefill-tokens must hold",
                "--prefill-max-requests 0 | --prefill-max-requests must be at least 1, got 0.",
                "--schedule-conservativeness -0.5 | --schedule-conservativeness must not be negative, got -0.5.",
                "--priority-scheduling-preemption-threshold -1 | --priority-scheduling-preemption-threshold must be at least 0,",
                "--preferred-sampling-params [1] | --preferred-sampling-params: it must be a JSON object, got [1].",
                "--preferred-sampling-params {\"top_q\":1} | --preferred-sampling-params: ",
                "--preferred-sampling-params {\"top_p\":2} | --preferred-sampling-params: top_p must be in (0, 1], got 2.0.",
                "--chat-template a --hf-chat-template-name b | --chat-template leaves no use for --hf-chat-template-name.",
                "--shutdown-timeout -1 | --shutdown-timeout must not be negative, got -1.0.",
                "--watchdog-timeout -1 | --watchdog-timeout must be positive, or 0 for none, got -1.0.",
                "--sampling-defaults mine | --sampling-defaults must be model or openai, got mine.",
                "--stream-interval 0 | --stream-interval must be at least 1, got 0.",
                "--log-level loud | --log-level must be debug, info, warning, error or critical, got loud.",
                "--skip-tokenizer-init --chat-template x | --skip-tokenizer-init leaves no use for",
                "--reasoning-parser qwen3 | --reasoning-parser must be auto, none, or one of deepseek-r1, deepseek-v3,",
                "--tool-call-parser v3 | --tool-call-parser must be auto, none, or one of deepseekv3, deepseekv31,",
                "--default-chat-template-kwargs {a | --default-chat-template-kwargs is not valid JSON: ",
                "--default-chat-template-kwargs [1] | --default-chat-template-kwargs must be a JSON object, got [1].",
                "--max-total-tokens -5 | --max-total-tokens must be positive, got -5.",
            })
    void refusesWrongCommandLinesInASentence(String line, String sentence) {
        assertThat(runner.run(("serve " + line).split(" "))).isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: " + sentence);
        assertThat(runner.err().lines().count()).isLessThanOrEqualTo(2);
        assertThat(runner.out()).isEmpty();
    }

    @Test
    void saysThatTheChatTemplateIsNotThere(@TempDir Path folder) {
        Path file = folder.resolve("none.jinja");
        assertThat(runner.run("serve", "--chat-template", file.toString())).isEqualTo(1);
        assertThat(runner.err())
                .isEqualToNormalizingNewlines(
                        "fathom: The chat template " + file + " cannot be read: there is no such file.\n");
    }

    @Test
    void saysThatThePortIsTakenBeforeItLoads() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThat(runner.run("serve", "--port", port, "--log-level", "error"))
                    .isEqualTo(1);
            assertThat(runner.err())
                    .startsWith("fathom: Cannot listen on 127.0.0.1:" + port)
                    .doesNotContain("Load");
        }
    }

    @Test
    void listsAllFlags() {
        assertThat(runner.run("serve", "--list-flags")).isZero();
        assertThat(runner.out())
                .contains("  --model-path, --model\n")
                .contains("  --trust-remote-code: Fathom never runs code from a checkpoint; models are built in.\n")
                .contains("  --tp-size, --tp, --tensor-parallel-size: ")
                .contains("(1 is accepted)\n");
    }

    @Test
    void helpsWithExamples() {
        assertThat(runner.run("serve", "--help")).isZero();
        assertThat(runner.out()).contains("--max-running-requests=N", "Examples:", "fathom serve --model-path");
    }
}
