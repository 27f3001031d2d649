package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.PrefillStats;
import dev.fathom.engine.StuckStep;
import dev.fathom.serve.EngineListeners;
import dev.fathom.serve.Fathom;
import dev.fathom.serve.FathomOptions;
import dev.fathom.serve.Generator;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.serve.TextService;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CrashDumpTest {
    private static final String HI =
            "{\"text\": \"Hi\", \"rid\": \"%s\", \"sampling_params\": {\"max_new_tokens\": 4}}";

    @TempDir
    private Path folder;

    @Test
    void writesWhatWasAskedWhenADefectEndsTheEngine() throws IOException {
        var dump = new CrashDump(folder, "1.2");
        EngineListener defect = new EngineListener() {
            @Override
            public void prefill(PrefillStats stats) {
                throw new IllegalStateException("a defect");
            }
        };
        try (Fathom fathom =
                Fathom.load(FathomOptions.EMBEDDED.withListener(new EngineListeners(List.of(dump, defect))))) {
            Generator generator = Generator.of(fathom.engine());
            try (var server = TestServer.observed(new TextService(fathom.model(), generator), generator, null, dump)) {
                assertThat(server.post("/generate", HI.formatted("r1")).status())
                        .isEqualTo(500);
            }
        }
        List<JsonNode> lines = lines(files().getFirst());
        assertThat(lines.getFirst().get("event").stringValue()).isEqualTo("crash");
        assertThat(lines.getFirst().get("version").stringValue()).isEqualTo("1.2");
        assertThat(lines.getFirst().get("reason").stringValue()).contains("defect");
        assertThat(lines).hasSize(2);
        assertThat(lines.getLast().get("rid").stringValue()).isEqualTo("r1");
        assertThat(lines.getLast().get("path").stringValue()).isEqualTo("/generate");
        assertThat(lines.getLast().get("body")).isEqualTo(JsonMapper.shared().readTree(HI.formatted("r1")));
    }

    @Test
    void tellsWhatHasEndedFromWhatRuns() throws Exception {
        var dump = new CrashDump(folder, "1.2");
        int[] ids = NanoText.tokenizer().encode("so far");
        var generator = new ScriptedGenerator(
                request -> request.id().startsWith("runs") ? ScriptedGenerator.tokens(ids) : ended(request));
        try (var server = TestServer.observed(new TextService(NanoText.model(), generator), generator, null, dump)) {
            server.post("/generate", HI.formatted("over"));
            var running = CompletableFuture.supplyAsync(() -> server.post("/generate", HI.formatted("runs")));
            Waiting.until(() -> generator.runningRequests() == 1);
            dump.stuck(stuck(false));
            assertThat(files()).isEmpty();
            dump.stuck(stuck(true));
            List<JsonNode> lines = lines(files().getFirst());
            assertThat(lines).extracting(line -> line.path("rid").asString("")).containsExactly("", "over", "runs");
            assertThat(lines.get(1).at("/out/0/text").stringValue()).isEqualTo("so far");
            assertThat(lines.get(1).get("ended").isString()).isTrue();
            assertThat(lines.get(2).get("ended").isNull()).isTrue();
            server.post("/abort_request", "{\"rid\": \"runs\"}");
            running.get();
        }
        if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(files().getFirst())))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void writesOneFileForAStepThatFails() throws InterruptedException {
        var dump = new CrashDump(folder, "1.2");
        dump.failed("a", RequestException.queueFull());
        for (String id : List.of("b", "c", "d")) {
            dump.failed(id, new RequestException("The model failed.", new IllegalStateException("why")));
        }
        Waiting.until(() -> !files().isEmpty());
        dump.crashed();
        assertThat(files()).hasSize(2);
    }

    private static List<GenerationEvent> ended(GenerationRequest request) {
        int[] ids = NanoText.tokenizer().encode("so far");
        return ScriptedGenerator.events(request, ids, new FinishReason.Length(ids.length));
    }

    private static StuckStep stuck(boolean gaveUp) {
        return new StuckStep(7, "forward", Duration.ofSeconds(9), Duration.ofSeconds(9), 0, 0, 1, gaveUp);
    }

    private List<Path> files() {
        try (var found = Files.list(folder)) {
            return found.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> JsonMapper.shared().readTree(line))
                .toList();
    }
}
