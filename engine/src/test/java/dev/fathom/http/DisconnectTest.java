package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DisconnectTest {
    private static final String BODY = "{\"text\": \"x\", \"rid\": \"r\", \"stream\": %s}";

    /** Generous for a busy machine; without the watch nothing is noticed for as long as the request runs. */
    private static final long SOON_NANOS = TimeUnit.SECONDS.toNanos(2);

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void abortsARequestWhoseClientLeavesBeforeTheFirstToken(boolean stream) throws Exception {
        var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
        try (var server = TestServer.start(generator)) {
            try (RawClient client = new RawClient(server.port())) {
                client.post("/generate", BODY.formatted(stream));
                Waiting.until(() -> generator.runningRequests() == 1);
            }
            assertThat(Waiting.until(() -> generator.runningRequests() == 0)).isLessThan(SOON_NANOS);
            Waiting.until(() -> server.text.openSequences() == 0);
        }
    }

    @Test
    void abortsAStreamWhoseClientLeavesMidway() throws Exception {
        var generator = ScriptedGenerator.beginning(NanoText.tokenizer().encode("Once upon"));
        try (var server = TestServer.start(generator)) {
            try (RawClient client = new RawClient(server.port())) {
                client.post("/generate", BODY.formatted(true));
                client.readUntil("upon");
                assertThat(generator.runningRequests()).isEqualTo(1);
            }
            assertThat(Waiting.until(() -> generator.runningRequests() == 0)).isLessThan(SOON_NANOS);
        }
    }

    @Test
    void abortsAStreamWhoseClientResetsTheConnection() throws Exception {
        var generator = ScriptedGenerator.beginning(NanoText.tokenizer().encode("Once upon"));
        try (var server = TestServer.start(generator)) {
            try (RawClient client = new RawClient(server.port())) {
                client.socket().setSoLinger(true, 0);
                client.post("/generate", BODY.formatted(true));
                client.readUntil("Once");
            }
            assertThat(Waiting.until(() -> generator.runningRequests() == 0)).isLessThan(SOON_NANOS);
        }
    }

    @Test
    void keepsAConnectionForTheNextRequest() throws Exception {
        int[] ids = NanoText.tokenizer().encode("ok");
        var generator = ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length));
        try (var server = TestServer.start(generator);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 5; i++) {
                client.post("/generate", BODY.formatted(i % 2 == 0));
                assertThat(client.readUntil(i % 2 == 0 ? "[DONE]\n\n\r\n0\r\n\r\n" : "\"e2e_latency\""))
                        .startsWith("HTTP/1.1 200");
                if (i % 2 == 1) {
                    client.readUntil("}}");
                }
            }
            assertThat(generator.submitted).hasSize(5);
        }
    }

    @Test
    void answersPipelinedRequestsInOrder() throws Exception {
        int[] ids = NanoText.tokenizer().encode("ok");
        var generator = ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length));
        try (var server = TestServer.start(generator);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 3; i++) {
                client.post("/generate", "{\"text\": \"x\", \"rid\": \"r" + i + "\"}");
            }
            for (int i = 0; i < 3; i++) {
                client.readUntil("\"id\":\"r" + i + "\"");
            }
        }
    }

    @Test
    void finishesWhatRunsWhenItStopsAndRefusesWhatIsNew() throws Exception {
        int[] ids = NanoText.tokenizer().encode("Once upon a time");
        var generator = ScriptedGenerator.beginning(ids);
        var server = TestServer.start(generator);
        try (RawClient client = new RawClient(server.port())) {
            client.post("/generate", BODY.formatted(true));
            client.readUntil("time");
            Thread stopping = Thread.ofVirtual().start(() -> server.server.stop(Duration.ofSeconds(20)));
            Waiting.until(() -> server.get("/health").status() == 503);
            var refused = server.post("/generate", "{\"text\": \"x\"}");
            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.json().get("message").stringValue()).isEqualTo("The server is shutting down.");
            var stream = generator.running("r");
            ScriptedGenerator.tokens(NanoText.tokenizer().encode(" there was")).forEach(stream::put);
            stream.put(new GenerationEvent.Finished(new FinishReason.Length(9), 2, 9, 0));
            assertThat(client.readUntil("[DONE]")).contains("Once upon a time there was");
            stopping.join();
        }
        server.close();
    }

    @Test
    void abortsWhatIsNotDoneInTimeAndSaysSo() throws Exception {
        var generator = ScriptedGenerator.beginning(NanoText.tokenizer().encode("Once upon"));
        var server = TestServer.start(generator);
        try (RawClient client = new RawClient(server.port())) {
            client.post("/generate", BODY.formatted(true));
            client.readUntil("upon");
            Thread stopping = Thread.ofVirtual().start(() -> server.server.stop(Duration.ofMillis(50)));
            assertThat(client.readUntil("[DONE]")).contains("\"type\":\"abort\"");
            stopping.join();
        }
        server.close();
    }

    @Test
    void survivesManyClientsThatLeave() throws Exception {
        var generator = ScriptedGenerator.beginning(5, 6, 7);
        try (var server = TestServer.start(generator)) {
            List<Thread> clients = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                String body = "{\"text\": \"x\", \"stream\": %s}".formatted(i % 2 == 0);
                clients.add(Thread.ofVirtual().start(() -> {
                    try (RawClient client = new RawClient(server.port())) {
                        client.post("/generate", body);
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                }));
            }
            for (Thread client : clients) {
                client.join();
            }
            Waiting.until(() -> generator.runningRequests() == 0 && server.text.openSequences() == 0);
            assertThat(server.get("/health").status()).isEqualTo(200);
        }
    }
}
