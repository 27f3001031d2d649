package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A real engine with more to do than it takes, and one that is stopped at work. */
@Tag("slow")
class OverloadTest {
    private static final String LONG =
            "{\"text\": \"Once\", \"stream\": true, \"sampling_params\": {\"max_new_tokens\": %d, \"ignore_eos\": true}}";

    @Test
    void refusesWhatTheQueueDoesNotHold() throws Exception {
        try (var server =
                NanoServer.start(config -> config.withMaxRunningRequests(1).withMaxQueuedRequests(1))) {
            try (var running = new RawClient(server.http.port());
                    var waiting = new RawClient(server.http.port())) {
                running.post("/generate", LONG.formatted(4000));
                running.readUntil("data: ");
                waiting.post("/generate", LONG.formatted(4));
                Waiting.until(() -> server.stats().queuedRequests() == 1);
                var refused = server.http.post("/generate", LONG.formatted(4));
                assertThat(refused.status()).isEqualTo(503);
                assertThat(refused.json().get("message").stringValue()).isEqualTo("The request queue is full.");
                assertThat(server.http.get("/health_generate").status()).isEqualTo(200);
                running.socket().close();
                assertThat(waiting.readUntil("[DONE]")).contains("\"type\":\"length\"");
            }
            Waiting.until(() -> server.stats().runningRequests() == 0);
        }
    }

    @Test
    void letsStreamsFinishWhenItStops() throws Exception {
        var server = NanoServer.start(config -> config);
        var clients = new ArrayList<RawClient>();
        for (int i = 0; i < 8; i++) {
            var client = new RawClient(server.http.port());
            client.post("/generate", LONG.formatted(40 + i));
            clients.add(client);
        }
        for (RawClient client : clients) {
            client.readUntil("data: ");
        }
        Thread stopping = Thread.ofVirtual().start(() -> server.http.server.stop(Duration.ofSeconds(60)));
        for (int i = 0; i < 8; i++) {
            assertThat(clients.get(i).readUntil("[DONE]")).contains("\"length\":" + (40 + i));
            clients.get(i).close();
        }
        stopping.join();
        server.close();
    }

    @Test
    void endsStreamsThatOutliveTheGrace() throws Exception {
        var server = NanoServer.start(config -> config);
        try (var client = new RawClient(server.http.port())) {
            client.post("/generate", LONG.formatted(8000));
            client.readUntil("data: ");
            Thread stopping = Thread.ofVirtual().start(() -> server.http.server.stop(Duration.ofMillis(100)));
            assertThat(client.readUntil("[DONE]")).contains("\"type\":\"abort\"");
            stopping.join();
        }
        assertThat(List.of(server.stats().runningRequests(), server.stats().queuedRequests()))
                .containsOnly(0);
        server.close();
    }
}
