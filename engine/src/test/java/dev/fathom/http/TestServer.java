package dev.fathom.http;

import dev.fathom.serve.Generator;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextService;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server on a free port and a client that talks to it. */
final class TestServer implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String DATA = "data: ";

    final HttpServer server;
    final TextService text;
    final ServerMetrics metrics;
    private final HttpClient client = HttpClient.newHttpClient();

    private TestServer(HttpServer server, TextService text, ServerMetrics metrics) {
        this.server = server;
        this.text = text;
        this.metrics = metrics;
    }

    static TestServer start(Generator generator) {
        return start(generator, UnaryOperator.identity());
    }

    static TestServer start(Generator generator, UnaryOperator<HttpConfig.Builder> config) {
        return start(NanoText.model(), generator, config);
    }

    static TestServer start(ServedModel model, Generator generator, UnaryOperator<HttpConfig.Builder> config) {
        TestServer started = starting(model, generator, config);
        started.server.ready();
        return started;
    }

    /** Without {@link HttpServer#ready}. */
    static TestServer starting(ServedModel model, Generator generator, UnaryOperator<HttpConfig.Builder> config) {
        return starting(model, generator, new ServerMetrics(model.name()), config);
    }

    /** Without {@link HttpServer#ready}. */
    static TestServer starting(
            ServedModel model, Generator generator, ServerMetrics metrics, UnaryOperator<HttpConfig.Builder> config) {
        return starting(new TextService(model, generator), generator, metrics, config);
    }

    static TestServer of(
            TextService text, Generator generator, ServerMetrics metrics, UnaryOperator<HttpConfig.Builder> config) {
        TestServer started = starting(text, generator, metrics, config);
        started.server.ready();
        return started;
    }

    static TestServer traced(TextService text, Generator generator, Tracing tracing) {
        return observed(text, generator, tracing, null);
    }

    static TestServer observed(
            TextService text, Generator generator, @Nullable Tracing tracing, @Nullable CrashDump crashes) {
        var metrics = new ServerMetrics(text.model().name());
        var context = new ServeContext(text, generator, metrics, "test", tracing, crashes);
        var server =
                new TestServer(HttpServer.start(HttpConfig.builder().port(0).build(), context), text, metrics);
        server.server.ready();
        return server;
    }

    private static TestServer starting(
            TextService text, Generator generator, ServerMetrics metrics, UnaryOperator<HttpConfig.Builder> config) {
        var server = HttpServer.start(
                config.apply(HttpConfig.builder().port(0)).build(), new ServeContext(text, generator, metrics, "test"));
        return new TestServer(server, text, metrics);
    }

    record Reply(int status, String body, HttpResponse<?> response) {
        JsonNode json() {
            return JSON.readTree(body);
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }
    }

    int port() {
        return server.port();
    }

    Reply post(String path, String body) {
        return send("POST", path, body);
    }

    Reply get(String path) {
        return send("GET", path, null);
    }

    Reply send(String method, String path, @Nullable String body, String... headers) {
        var publisher = body == null
                ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8);
        var request =
                HttpRequest.newBuilder(uri(path)).method(method, publisher).timeout(Duration.ofSeconds(60));
        if (headers.length > 0) {
            request.headers(headers);
        }
        try {
            var response = client.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            return new Reply(response.statusCode(), response.body(), response);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The frames of a streamed answer, without the last one, which must be [DONE]. */
    List<JsonNode> stream(String path, String body) {
        Reply reply = post(path, body);
        if (reply.status() != 200 || !reply.header("Content-Type").startsWith("text/event-stream")) {
            throw new AssertionError("not a stream: " + reply.status() + " " + reply.body());
        }
        return frames(reply.body());
    }

    static List<JsonNode> frames(String body) {
        var frames = new ArrayList<JsonNode>();
        String[] events = body.split("\n\n", -1);
        if (events.length < 2
                || !events[events.length - 1].isEmpty()
                || !events[events.length - 2].equals("data: [DONE]")) {
            throw new AssertionError("the stream does not end with [DONE] and an empty line: " + body);
        }
        for (int i = 0; i < events.length - 2; i++) {
            if (!events[i].startsWith(DATA)) {
                throw new AssertionError("no data frame: " + events[i]);
            }
            frames.add(JSON.readTree(events[i].substring(DATA.length())));
        }
        return frames;
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port() + path);
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
