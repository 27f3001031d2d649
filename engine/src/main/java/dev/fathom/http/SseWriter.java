package dev.fathom.http;

import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;

/**
 * Server-sent events, each {@code data: {...}} and an empty line, under a name where the API has them, flushed at once. Written by hand because clients cut
 * the prefix "data: " with its space, which Helidon's sink leaves out.
 */
final class SseWriter implements AutoCloseable {
    private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8);

    private final boolean named;
    private final OutputStream out;

    /**
     * Sends the headers with the first event; from then on an error can only be an event.
     *
     * @param named whether each event has its frame's {@code type} as its name, and no [DONE] ends them
     */
    SseWriter(ServerResponse response, boolean named) {
        this.named = named;
        response.status(Status.OK_200)
                .header(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8")
                .header(HeaderNames.CACHE_CONTROL, "no-cache")
                .header("X-Accel-Buffering", "no"); // or nginx collects the events
        out = response.outputStream();
    }

    void send(Iterable<? extends JsonNode> frames) throws IOException {
        var events = new StringBuilder();
        for (JsonNode frame : frames) {
            if (named) {
                events.append("event: ").append(frame.get("type").stringValue()).append('\n');
            }
            events.append("data: ").append(frame).append("\n\n");
        }
        if (!events.isEmpty()) {
            out.write(events.toString().getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    void done() throws IOException {
        if (!named) {
            out.write(DONE);
            out.flush();
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
