package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextService;
import dev.fathom.serve.TextStream;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Runs generating requests: begins the answer, sends it whole or as a stream, ends it when the client leaves. */
final class Answers {
    private static final Logger LOG = System.getLogger("dev.fathom.http");

    private final TextService text;
    private final ServerMetrics metrics;
    private final JsonBody body;
    private final Observers observers;
    private final ConnectionWatcher connections;
    private final Lifecycle lifecycle;

    Answers(
            ServeContext context,
            JsonBody body,
            ConnectionWatcher connections,
            Lifecycle lifecycle,
            Observers observers) {
        this.observers = observers;
        this.text = context.text();
        this.metrics = context.metrics();
        this.body = body;
        this.connections = connections;
        this.lifecycle = lifecycle;
    }

    /** How one answer is written down. */
    private record Writing(AnswerFormat format, TokenClock clock, Observers.Observation seen) {
        List<JsonNode> delta(TextEvent.Delta delta) {
            clock.arrived(delta);
            seen.add(delta);
            return format.delta(delta);
        }

        List<JsonNode> finished(TextEvent.Finished finished) {
            seen.add(finished);
            return format.finished(finished);
        }

        JsonNode whole(List<TextResult> results) {
            seen.add(results);
            return format.whole(results);
        }
    }

    /** @param read turns an endpoint's body into a call, or refuses it */
    Handler handler(Function<JsonFields, Call> read) {
        return (request, response) -> {
            JsonFields fields = read(request);
            answer(request, response, fields, read.apply(fields));
        };
    }

    /** The body of a request that generates. @throws RequestException while the server takes none */
    JsonFields read(ServerRequest request) {
        JsonFields fields = body.read(request);
        lifecycle.checkServing();
        return fields;
    }

    /** Answers a request, or stops its work when the client leaves. */
    void answer(ServerRequest request, ServerResponse response, JsonFields fields, Call call) {
        Observers.Observation seen = observers.begin(request, call.id(), fields);
        Throwable failure = null;
        try {
            answer(request, response, call, seen);
        } catch (RuntimeException e) {
            failure = e;
            throw e;
        } finally {
            seen.end(failure);
        }
    }

    private void answer(ServerRequest request, ServerResponse response, Call call, Observers.Observation seen) {
        ClientWatch client = connections.watch(request);
        try (TextStream answer = call.begin().apply(text)) {
            seen.submitted(answer);
            ClientWatch.Registration watching = client.onGone(answer::abort);
            try {
                AnswerFormat format = call.format().apply(answer);
                var clock = new TokenClock(metrics, answer.size());
                if (call.stream()) {
                    stream(response, answer, new Writing(format, clock, seen), client);
                } else {
                    whole(response, answer, new Writing(format, clock, seen), client);
                }
            } finally {
                watching.close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("Interrupted while answering", e);
        }
    }

    private static void whole(ServerResponse response, TextStream answer, Writing writing, ClientWatch client)
            throws InterruptedException {
        List<TextResult> results = answer.collect(delta -> {
            writing.clock().arrived(delta);
            writing.seen().add(delta);
        });
        checkPresent(client);
        response.header(HeaderValues.CONTENT_TYPE_JSON)
                .send(writing.whole(results).toString().getBytes(StandardCharsets.UTF_8));
    }

    /** The headers wait for the first event, so that what fails before it is answered with its own status. */
    private static void stream(ServerResponse response, TextStream answer, Writing writing, ClientWatch client)
            throws InterruptedException {
        TextEvent first = answer.next();
        checkPresent(client);
        if (first instanceof TextEvent.Failed failed) {
            throw failed.error();
        }
        try (var events = new SseWriter(response, writing.format().named())) {
            send(first, answer, writing, events);
            events.done();
        } catch (IOException | UncheckedIOException e) {
            throw new CloseConnectionException("The client left while the answer was streamed", e);
        }
    }

    private static void send(@Nullable TextEvent first, TextStream answer, Writing writing, SseWriter events)
            throws IOException, InterruptedException {
        for (TextEvent event = first; event != null; event = answer.next()) {
            switch (event) {
                case TextEvent.Delta delta -> events.send(writing.delta(delta));
                case TextEvent.Finished finished -> events.send(writing.finished(finished));
                case TextEvent.Failed failed -> {
                    answer.abort();
                    logDefect(failed.error());
                    events.send(writing.format().failed(failed.error()));
                    return;
                }
            }
        }
        events.send(writing.format().closing());
    }

    private static void logDefect(RequestException error) {
        if (error.code() == ErrorCode.INTERNAL) {
            LOG.log(Logger.Level.ERROR, "A streamed request failed.", error);
        }
    }

    private static void checkPresent(ClientWatch client) {
        if (client.isGone()) {
            throw new CloseConnectionException("The client left before the answer was there");
        }
    }
}
