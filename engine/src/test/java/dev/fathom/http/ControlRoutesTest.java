package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.ScriptedGenerator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ControlRoutesTest {
    private static final String GENERATE =
            "{\"text\": \"Hi\", \"rid\": \"r\", \"sampling_params\": {\"max_new_tokens\": 4, \"ignore_eos\": true}}";

    @Test
    void pausesAndContinues() throws Exception {
        try (NanoServer server = NanoServer.start(config -> config)) {
            assertThat(server.http
                            .post("/pause_generation", "{\"mode\": \"in_place\"}")
                            .json()
                            .get("status")
                            .stringValue())
                    .isEqualTo("ok");
            CompletableFuture<TestServer.Reply> waiting =
                    CompletableFuture.supplyAsync(() -> server.http.post("/generate", GENERATE));
            Waiting.until(() -> server.http.text.openSequences() == 1);
            assertThat(server.http.get("/health").status()).isEqualTo(200);
            assertThat(server.stats().steps()).isZero();
            assertThat(server.http.post("/continue_generation", "").status()).isEqualTo(200);
            assertThat(waiting.get().json().get("output_ids").size()).isEqualTo(4);

            server.http.post("/pause_generation", "{\"mode\": \"in_place\"}");
            waiting = CompletableFuture.supplyAsync(() -> server.http.post("/generate", GENERATE));
            Waiting.until(() -> server.http.text.openSequences() == 1);
            server.http.post("/pause_generation", ""); // SGLang's default aborts
            assertThat(waiting.get().json().at("/meta_info/finish_reason/type").stringValue())
                    .isEqualTo("abort");
            server.http.post("/continue_generation", "{}");
            assertThat(server.http
                            .post("/generate", GENERATE)
                            .json()
                            .get("output_ids")
                            .size())
                    .isEqualTo(4);
            TestServer.Reply retract = server.http.post("/pause_generation", "{\"mode\": \"retract\"}");
            assertThat(retract.status()).isEqualTo(400);
            assertThat(retract.body()).contains("use in_place");
        }
    }

    @Test
    void sharesNoPrefixBetweenSalts() {
        try (NanoServer server = NanoServer.start(config -> config)) {
            String prompt = "{\"text\": \"" + "The capital of Norway is Oslo. ".repeat(5)
                    + "\", \"sampling_params\": {\"max_new_tokens\": 1}";
            assertThat(cached(server, prompt + "}")).isZero();
            assertThat(cached(server, prompt + "}")).isPositive();
            assertThat(cached(server, prompt + ", \"cache_salt\": \"ab\", \"extra_key\": \"c\"}"))
                    .isZero();
            assertThat(cached(server, prompt + ", \"cache_salt\": \"a\", \"extra_key\": \"bc\"}"))
                    .isZero();
            assertThat(cached(server, prompt + ", \"extra_key\": \"abc\"}")).isZero();
            assertThat(cached(server, prompt + ", \"cache_salt\": \"ab\", \"extra_key\": \"c\"}"))
                    .isPositive();
        }
    }

    private static int cached(NanoServer server, String body) {
        return server.http
                .post("/generate", body)
                .json()
                .at("/meta_info/cached_tokens")
                .intValue();
    }

    @Test
    void recordsAProfileWhereItMay(@TempDir Path folder) throws Exception {
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.profileFolder(folder))) {
            assertThat(server.post("/stop_profile", "").body()).contains("No profile is being recorded");
            for (String outside : List.of("..", "/", "a/../..")) {
                TestServer.Reply refused = server.post("/start_profile", "{\"output_dir\": \"" + outside + "\"}");
                assertThat(refused.status()).isEqualTo(400);
                assertThat(refused.body()).contains("output_dir must lie in the folder");
            }
            Path link = folder.resolve("link");
            Files.createSymbolicLink(link, folder.getParent());
            assertThat(server.post("/start_profile", "{\"output_dir\": \"link\"}")
                            .status())
                    .isEqualTo(400);
            assertThat(server.post("/start_profile", "{\"output_dir\": \"mine\"}")
                            .status())
                    .isEqualTo(200);
            assertThat(server.post("/start_profile", "").body()).contains("being recorded already");
            server.post("/generate", GENERATE);
            assertThat(server.post("/stop_profile", "").status()).isEqualTo(200);
            List<Path> files;
            try (var found = Files.list(folder.resolve("mine"))) {
                files = found.toList();
            }
            assertThat(files).hasSize(1);
            assertThat(RecordingFile.readAllEvents(files.getFirst())).isNotEmpty();
        }
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"))) {
            assertThat(server.post("/start_profile", "").body()).contains("--profile-folder");
        }
    }

    @Test
    void logsRequestsAtTheirLevels() throws InterruptedException {
        List<String> lines = new CopyOnWriteArrayList<>();
        try (var server = TestServer.start(
                ScriptedGenerator.saying("ok"),
                config -> config.requestLogging(new HttpConfig.RequestLogging(true, 0, true, lines::add)))) {
            String hi = "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"secret"
                    + "!".repeat(3000) + "\"}], \"temperature\": 0.5}";
            server.post("/v1/chat/completions", hi);
            Waiting.until(() -> lines.size() == 2); // the answer goes out before its line
            assertThat(lines.toString())
                    .contains("\"model\":\"m\"")
                    .doesNotContain("temperature", "secret", "\"text\"");
            JsonNode finished = JsonMapper.shared().readTree(lines.getLast());
            assertThat(finished.get("event").stringValue()).isEqualTo("request.finished");
            assertThat(finished.at("/out/0/completion_tokens").intValue()).isEqualTo(2);
            lines.clear();
            server.post("/configure_logging", "{\"log_requests_level\": 1}");
            server.post("/v1/chat/completions", hi);
            Waiting.until(() -> lines.size() == 2); // the answer goes out before its line
            assertThat(lines.toString()).contains("temperature").doesNotContain("secret");
            lines.clear();
            server.post("/configure_logging", "{\"log_requests_level\": 2}");
            server.stream("/v1/chat/completions", hi.replace("{\"model\"", "{\"stream\": true, \"model\""));
            Waiting.until(() -> lines.size() == 2); // the answer goes out before its line
            assertThat(lines.toString())
                    .contains("secret", " ... ", "\"text\":\"ok\"")
                    .doesNotContain("!".repeat(2000));
            lines.clear();
            server.post("/configure_logging", "{\"log_requests_level\": 3}");
            server.post("/v1/chat/completions", hi);
            Waiting.until(() -> lines.size() == 2); // the answer goes out before its line
            assertThat(lines.toString()).contains("!".repeat(3000));
            lines.clear();
            server.post("/configure_logging", "{\"log_requests\": false}");
            server.post("/v1/chat/completions", hi);
            assertThat(lines).isEmpty();
            assertThat(server.post("/configure_logging", "{\"log_requests_level\": 4}")
                            .status())
                    .isEqualTo(400);
            assertThat(server.post("/configure_logging", "{\"crash_dump_folder\": \"/x\"}")
                            .status())
                    .isEqualTo(400);
        }
    }
}
