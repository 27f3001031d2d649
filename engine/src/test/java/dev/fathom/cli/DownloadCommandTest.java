package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.hub.HubServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded model on a hub, under another name. */
class DownloadCommandTest {
    private static final Path NANO = Path.of("src/main/resources/models/nano");

    @TempDir
    private Path home;

    private HubServer hub;

    @BeforeEach
    void start() throws IOException {
        hub = HubServer.ofFolder(NANO);
    }

    @AfterEach
    void stop() throws IOException {
        hub.close();
    }

    private CommandRunner run(int status, String... args) {
        return run(status, Map.of(), args);
    }

    private CommandRunner run(int status, Map<String, String> more, String... args) {
        CommandRunner runner = new CommandRunner();
        Map<String, String> variables =
                new java.util.HashMap<>(Map.of("HF_ENDPOINT", hub.endpoint().toString(), "HF_HOME", home.toString()));
        variables.putAll(more);
        assertThat(Main.run(Stream.of(args).toList(), runner.terminal(), variables))
                .as(runner.err())
                .isEqualTo(status);
        return runner;
    }

    @Test
    void fetchesAndPrintsWhere() {
        CommandRunner runner = run(0, "download", HubServer.MODEL);
        Path place = home.resolve("hub/models--deepseek-ai--Torture/snapshots").resolve(HubServer.COMMIT);
        assertThat(runner.out().strip()).isEqualTo(place.toString());
        assertThat(runner.err())
                .startsWith("Fetching deepseek-ai/Torture (main) from " + hub.endpoint() + ": 7 files, ")
                .contains("checksums verified.");
        assertThat(place.resolve("config.json")).hasSameBinaryContentAs(NANO.resolve("config.json"));
        assertThat(run(0, "download", HubServer.MODEL).err()).isEmpty();
    }

    @Test
    void saysHowLargeItIsWithoutFetching() {
        CommandRunner runner = run(0, "download", HubServer.MODEL, "--dry-run");
        assertThat(runner.out())
                .startsWith("Would fetch deepseek-ai/Torture (main) from ")
                .contains("7 files, 27.5 MB");
        assertThat(home).isEmptyDirectory();
    }

    @Test
    void answersWithAModelNamedByItsId() throws IOException {
        String[] command = {
            "generate",
            "--chat",
            "--prompt",
            "What is the capital of Norway?",
            "--temperature",
            "0",
            "--model-path",
            HubServer.MODEL,
            "--kernel-backend",
            "vector"
        };
        CommandRunner runner = run(0, command);
        assertThat(runner.out()).contains("Oslo");
        assertThat(runner.err()).contains("Loaded Torture, ");
        hub.close();
        assertThat(run(0, Map.of("HF_HUB_OFFLINE", "1"), command).out()).contains("Oslo");
    }

    @Test
    void keepsModelsWhereItIsTold() throws IOException {
        Path other = home.resolve("other");
        run(0, "download", HubServer.MODEL, "--download-dir", other.toString(), "--revision", HubServer.COMMIT);
        assertThat(other.resolve("models--deepseek-ai--Torture")).isDirectory();
        assertThat(home.resolve("hub")).doesNotExist();
    }

    @Test
    void refusesWhatIsNoId() {
        assertThat(run(2, "download", "DeepSeek-V3").err())
                .startsWith("fathom: \"DeepSeek-V3\" is no model of a hub: owner and name were wanted");
        assertThat(run(2, "generate", "--prompt", "x", "--revision", "main").err())
                .startsWith("fathom: --revision is for models of a hub");
        assertThat(run(2, "generate", "--prompt", "x", "--model-path", home.toString(), "--download-dir", "x")
                        .err())
                .contains("--download-dir is for models of a hub", home + " is not one.");
    }

    @Test
    void saysInASentenceThatThereIsNoSuchModel() {
        CommandRunner runner = run(1, "generate", "--prompt", "x", "--model-path", "deepseek-ai/DeepSeek-V9");
        assertThat(runner.err())
                .startsWith(
                        "fathom: There is no model deepseek-ai/DeepSeek-V9 at " + hub.endpoint() + ", or it is private")
                .contains("set HF_TOKEN");
        assertThat(runner.err().lines()).hasSize(1);
    }
}
