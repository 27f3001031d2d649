package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.RequestException;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class HttpServerTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void saysAFullQueueBeforeTheFirstByte() {
        var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
        generator.queueLimit = 0;
        try (var server = TestServer.start(generator)) {
            var reply = server.post(CHAT, HI + ", \"stream\": true}");
            assertThat(reply.status()).isEqualTo(503);
            assertThat(reply.json().get("message").stringValue()).isEqualTo("The request queue is full.");
            assertThat(reply.header("Retry-After")).isEqualTo("1");
        }
    }

    @Test
    void answersAFailureWithItsStatusOrInTheStream() {
        var broken = new GenerationEvent.Failed(new RequestException(ErrorCode.INTERNAL, "The step broke."));
        try (var server = TestServer.start(new ScriptedGenerator(request -> List.of(broken)))) {
            assertThat(server.post(CHAT, HI + "}").status()).isEqualTo(500);
            assertThat(server.post(CHAT, HI + ", \"stream\": true}").status()).isEqualTo(500);
        }
        var late = new ScriptedGenerator(request -> {
            List<GenerationEvent> events = new ArrayList<>(ScriptedGenerator.tokens(tokenizer.encode("so far")));
            events.add(broken);
            return events;
        });
        try (var server = TestServer.start(late)) {
            List<JsonNode> frames = server.stream(CHAT, HI + ", \"stream\": true}");
            assertThat(content(frames.subList(0, frames.size() - 1))).isEqualTo("so far");
            assertThat(frames.getLast().at("/error/message").stringValue()).isEqualTo("The step broke.");
            assertThat(frames.getLast().at("/error/code").intValue()).isEqualTo(500);
        }
    }

    @Test
    void knowsItsPathsAndMethods() {
        try (var server = TestServer.start(saying("ok"))) {
            var wrongMethod = server.get(CHAT);
            assertThat(wrongMethod.status()).isEqualTo(405);
            assertThat(wrongMethod.header("Allow")).isEqualTo("POST");
            assertThat(wrongMethod.json().get("message").stringValue()).contains("use POST");
            var wrongPath = server.post("/v1/chat", "{}");
            assertThat(wrongPath.status()).isEqualTo(404);
            assertThat(wrongPath.json().get("message").stringValue()).contains("There is no /v1/chat");
            assertThat(server.send("DELETE", "/generate", null).header("Allow")).isEqualTo("POST, PUT");
            var latin = server.send("POST", CHAT, HI + "}", "Content-Type", "application/json; charset=iso-8859-1");
            assertThat(latin.status()).as(latin.body()).isEqualTo(415);
            var zipped = server.send("POST", CHAT, HI + "}", "Content-Encoding", "gzip");
            assertThat(zipped.status()).isEqualTo(415);
            assertThat(zipped.json().get("object").stringValue()).isEqualTo("error");
        }
    }

    @Test
    void describesItselfAndItsModel() {
        try (var server = TestServer.start(saying("ok"))) {
            JsonNode models = server.get("/v1/models").json();
            assertThat(models.at("/data/0/id").stringValue()).isEqualTo("nano");
            assertThat(models.at("/data/0/max_model_len").intValue()).isEqualTo(8192);
            assertThat(server.get("/v1/models/nano").status()).isEqualTo(200);
            var other = server.get("/v1/models/deepseek-ai/DeepSeek-V3");
            assertThat(other.status()).isEqualTo(404);
            assertThat(other.json().at("/error/code").stringValue()).isEqualTo("model_not_found");
            assertThat(other.json().at("/error/message").stringValue()).contains("'deepseek-ai/DeepSeek-V3'");
            for (String path : List.of("/get_model_info", "/model_info")) {
                assertThat(server.get(path).json().get("is_generation").booleanValue())
                        .isTrue();
            }
            for (String path : List.of("/get_server_info", "/server_info")) {
                assertThat(server.get(path)
                                .json()
                                .at("/internal_states/0/kv_used_tokens")
                                .intValue())
                        .isEqualTo(7);
            }
            assertThat(server.get("/get_load").json().at("/0/num_reqs").intValue())
                    .isZero();
        }
    }

    @Test
    void isHealthyOnlyWhenItServes() {
        try (var server = TestServer.starting(NanoText.model(), saying("ok"), UnaryOperator.identity())) {
            assertThat(server.get("/health").status()).isEqualTo(503);
            assertThat(server.post(CHAT, HI + "}").json().get("message").stringValue())
                    .contains("is starting");
            server.server.ready();
            assertThat(server.get("/health").status()).isEqualTo(200);
            assertThat(server.get("/health_generate").status()).isEqualTo(200);
        }
        var silent = new ScriptedGenerator(ScriptedGenerator.SILENT);
        try (var server = TestServer.start(silent, config -> config.healthTimeout(java.time.Duration.ofMillis(100)))) {
            assertThat(server.get("/health_generate").status()).isEqualTo(503);
            assertThat(silent.runningRequests()).isZero();
        }
    }

    @Test
    void abortsAndFlushesOnRequest() throws InterruptedException {
        var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
        try (var server = TestServer.start(generator)) {
            var answers = new ArrayList<TestServer.Reply>();
            Thread client = Thread.ofVirtual()
                    .start(() -> answers.add(server.post("/generate", "{\"text\": \"x\", \"rid\": \"long\"}")));
            Waiting.until(() -> generator.runningRequests() == 1);
            assertThat(server.post("/flush_cache", "").status()).isEqualTo(400);
            assertThat(server.post("/abort_request", "{}").status()).isEqualTo(400);
            assertThat(server.post("/abort_request", "{\"rid\": \"long\"}").status())
                    .isEqualTo(200);
            client.join();
            assertThat(answers.getFirst()
                            .json()
                            .at("/meta_info/finish_reason/type")
                            .stringValue())
                    .isEqualTo("abort");
            assertThat(server.get("/flush_cache").status()).isEqualTo(200);
        }
    }

    @Test
    void asksForItsKeys() {
        try (var server =
                TestServer.start(saying("ok"), config -> config.apiKey("secret").adminApiKey("boss"))) {
            assertThat(server.post(CHAT, HI + "}").status()).isEqualTo(401);
            assertThat(server.send("POST", CHAT, HI + "}", "Authorization", "Bearer wrong")
                            .json()
                            .get("message")
                            .stringValue())
                    .contains("the API key is wrong");
            assertThat(server.send("POST", CHAT, HI + "}", "Authorization", "Bearer secret")
                            .status())
                    .isEqualTo(200);
            assertThat(server.send("POST", "/flush_cache", "", "Authorization", "Bearer secret")
                            .status())
                    .isEqualTo(401);
            assertThat(server.send("POST", "/flush_cache", "", "Authorization", "Bearer boss")
                            .status())
                    .isEqualTo(200);
            assertThat(server.get("/health").status()).isEqualTo(200);
            for (String path :
                    List.of("/health/../v1/models", "/health%2f..%2fv1/models", "/v1/models/", "//v1/models")) {
                assertThat(server.get(path).status()).as(path).isGreaterThanOrEqualTo(400);
            }
            assertThat(server.send("POST", "/flush_cache/", "", "Authorization", "Bearer secret")
                            .status())
                    .isGreaterThanOrEqualTo(400);
        }
    }

    @Test
    void saysThatThePortIsTaken() {
        try (var server = TestServer.start(saying("ok"))) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> TestServer.start(saying("ok"), config -> config.port(server.port())))
                    .withMessageContaining("Cannot listen on 127.0.0.1:" + server.port());
        }
    }

    @Test
    void measuresUnderSglangsNames() {
        try (var server = TestServer.start(saying("one two three"), config -> config.enableMetrics(true))) {
            server.post(CHAT, HI + "}");
            var reply = server.get("/metrics");
            assertThat(reply.header("Content-Type")).startsWith("text/plain");
            assertThat(reply.body())
                    .contains("# TYPE sglang:prompt_tokens_total counter")
                    .contains("sglang:prompt_tokens_total{model_name=\"nano\"} 40.0")
                    .contains("sglang:num_running_reqs{model_name=\"nano\"} 0.0")
                    .contains("sglang:cache_hit_rate{model_name=\"nano\"} 0.25")
                    .contains("# TYPE sglang:time_to_first_token_seconds histogram")
                    .contains("sglang:realtime_tokens_total{mode=\"prefill_cache\",model_name=\"nano\"} 10.0")
                    .containsPattern("sglang:inter_token_latency_seconds_count\\{model_name=\"nano\"} [1-9]");
        }
        try (var server = TestServer.start(saying("ok"))) {
            assertThat(server.get("/metrics").status()).isEqualTo(404);
            assertThat(server.get("/metrics").json().get("message").stringValue())
                    .contains("--enable-metrics");
        }
    }

    private static String content(List<JsonNode> frames) {
        return frames.stream()
                .filter(frame -> !frame.get("choices").isEmpty())
                .map(frame -> frame.at("/choices/0/delta/content"))
                .filter(JsonNode::isString)
                .map(JsonNode::stringValue)
                .collect(Collectors.joining());
    }
}
