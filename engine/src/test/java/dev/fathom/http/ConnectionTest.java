package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class ConnectionTest {
    private static final String BODY = "{\"text\": \"x\"}";

    @Test
    void readsAChunkedBody() throws Exception {
        try (var server = server(UnaryOperator.identity());
                var client = new RawClient(server.port())) {
            client.send("POST /generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"text\"\r\n");
            client.send("6\r\n: \"x\"}\r\n0\r\n\r\n");
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void readsABodyThatWaitsForContinue() throws Exception {
        try (var server = server(UnaryOperator.identity());
                var client = new RawClient(server.port())) {
            client.send("POST /generate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " + BODY.length()
                    + "\r\n\r\n");
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 100");
            client.send(BODY);
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void refusesAChunkedBodyOverTheLimit() throws Exception {
        try (var server = server(config -> config.maxBodyBytes(1000));
                var client = new RawClient(server.port())) {
            client.send("POST /generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.send("400\r\n" + "x".repeat(1024) + "\r\n0\r\n\r\n");
            assertThat(client.readUntil("}")).startsWith("HTTP/1.1 413").contains("\"code\":413");
        }
    }

    @Test
    void readsABodyOverTheLimitToItsEndSoThatTheAnswerIsSeen() throws Exception {
        try (var server = server(config -> config.maxBodyBytes(1000));
                var client = new RawClient(server.port())) {
            for (int i = 0; i < 3; i++) {
                client.post("/generate", "{\"text\": \"" + "x".repeat(8_000_000) + "\"}");
                assertThat(client.readUntil("}")).startsWith("HTTP/1.1 413").contains("at most 1000 bytes");
            }
            client.post("/generate", BODY);
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void refusesAKeylessClientWithALargeBody() throws Exception {
        try (var server = server(config -> config.apiKey("secret"));
                var client = new RawClient(server.port())) {
            client.post("/generate", "{\"text\": \"" + "x".repeat(3_000_000) + "\"}");
            assertThat(client.readUntil("}")).startsWith("HTTP/1.1 401");
        }
    }

    @Test
    void refusesWhatIsNotHttp() throws Exception {
        try (var server = server(UnaryOperator.identity())) {
            try (var client = new RawClient(server.port())) {
                client.send("\u0016\u0003\u0001 what a TLS client says first\r\n\r\n");
                assertThat(client.readToEnd()).doesNotContain("200");
            }
            try (var client = new RawClient(server.port())) {
                client.send("POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n");
                assertThat(client.readToEnd()).startsWith("HTTP/1.1 400").contains("\"object\":\"error\"");
            }
            assertThat(server.post("/generate", BODY).status()).isEqualTo(200);
        }
    }

    @Test
    void closesAnIdleConnection() throws Exception {
        try (var server = server(config -> config.idleTimeout(Duration.ofMillis(200)))) {
            try (var client = new RawClient(server.port())) {
                client.post("/generate", BODY);
                client.readUntil("}}");
                assertThat(client.readToEnd()).isEmpty();
            }
            try (var silent = new RawClient(server.port())) {
                silent.send("POST /generate HT");
                assertThat(silent.readToEnd()).isEmpty();
            }
        }
    }

    @Test
    void doesNotTakeALongAnswerForAnIdleConnection() throws Exception {
        var generator = ScriptedGenerator.beginning(NanoText.tokenizer().encode("Once upon"));
        try (var server = TestServer.start(generator, config -> config.idleTimeout(Duration.ofMillis(100)));
                var client = new RawClient(server.port())) {
            client.post("/generate", "{\"text\": \"x\", \"rid\": \"r\", \"stream\": true}");
            client.readUntil("upon");
            Thread.sleep(500); // five times the idle timeout
            assertThat(generator.runningRequests()).isEqualTo(1);
            generator.running("r").abort();
            client.readUntil("[DONE]");
        }
    }

    private static TestServer server(UnaryOperator<HttpConfig.Builder> config) {
        int[] ids = NanoText.tokenizer().encode("ok");
        return TestServer.start(ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length)), config);
    }
}
