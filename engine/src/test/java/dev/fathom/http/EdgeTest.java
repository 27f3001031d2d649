package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.ScriptedGenerator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;

class EdgeTest {
    private static final String ORIGIN = "Access-Control-Allow-Origin";

    static {
        System.setProperty("jdk.httpclient.allowRestrictedHeaders", "origin");
    }

    @Test
    void letsPagesOfAnyOriginCallItButNotOperate() {
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.apiKey("key"))) {
            TestServer.Reply preflight = server.send(
                    "OPTIONS",
                    "/v1/chat/completions",
                    null,
                    "Origin",
                    "https://a.example",
                    "Access-Control-Request-Method",
                    "POST",
                    "Access-Control-Request-Headers",
                    "authorization,content-type");
            assertThat(preflight.status()).isEqualTo(204);
            assertThat(preflight.header(ORIGIN)).isEqualTo("*");
            assertThat(preflight.header("Access-Control-Allow-Headers")).isEqualTo("authorization,content-type");
            assertThat(preflight.header("Access-Control-Allow-Methods")).contains("POST");
            TestServer.Reply unauthorized = server.send("POST", "/generate", "{}", "Origin", "https://a.example");
            assertThat(unauthorized.status()).isEqualTo(401);
            assertThat(unauthorized.header(ORIGIN)).isEqualTo("*");
            TestServer.Reply answered = server.send(
                    "POST",
                    "/generate",
                    "{\"text\": \"Hi\", \"stream\": true}",
                    "Origin",
                    "https://a.example",
                    "Authorization",
                    "Bearer key");
            assertThat(answered.status()).isEqualTo(200);
            assertThat(answered.header(ORIGIN)).isEqualTo("*");
            assertThat(server.send("GET", "/health", null).header(ORIGIN)).isEmpty();
            TestServer.Reply operating = server.send(
                    "OPTIONS",
                    "/flush_cache",
                    null,
                    "Origin",
                    "https://a.example",
                    "Access-Control-Request-Method",
                    "POST");
            assertThat(operating.status()).isEqualTo(405);
            assertThat(operating.header(ORIGIN)).isEmpty();
        }
    }

    @Test
    void answersBelowAProxysPath() {
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.rootPath("/llm"))) {
            for (String path : List.of("/llm/v1/models", "/v1/models", "/llm/")) {
                assertThat(server.get(path).status()).as(path).isEqualTo(200);
            }
            assertThat(server.get("/llm/v1/messages").json().get("type").stringValue())
                    .isEqualTo("error");
            assertThat(server.get("/llm/generate").status()).isEqualTo(405);
            assertThat(server.get("/llm/other").status()).isEqualTo(404);
        }
    }

    @Test
    void writesAnAccessLog() throws InterruptedException {
        List<String> lines = new CopyOnWriteArrayList<>();
        Logger logger = Logger.getLogger("dev.fathom.access");
        Handler handler = new Handler() {
            private final SimpleFormatter formatter = new SimpleFormatter();

            @Override
            public void publish(LogRecord event) {
                lines.add(formatter.formatMessage(event));
            }

            @Override
            public void flush() {
                // Nothing is kept back.
            }

            @Override
            public void close() {
                // Nothing is open.
            }
        };
        logger.addHandler(handler);
        try (var server = TestServer.start(
                ScriptedGenerator.saying("ok"), config -> config.accessLogExcluded(List.of("/health")))) {
            server.get("/health");
            server.get("/v1/models");
            server.post("/generate", "{}");
            Waiting.until(() -> lines.size() >= 2);
            assertThat(lines).hasSize(2);
            assertThat(lines.get(0)).matches("127\\.0\\.0\\.1:\\d+ - \"GET /v1/models HTTP/1\\.1\" 200 OK");
            assertThat(lines.get(1)).matches("127\\.0\\.0\\.1:\\d+ - \"POST /generate HTTP/1\\.1\" 400 Bad Request");
        } finally {
            logger.removeHandler(handler);
        }
    }
}
