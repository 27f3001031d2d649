package dev.fathom.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server on a free port that gives fixed answers and keeps what it was asked. */
final class FakeServer implements AutoCloseable {
    /** Writes an answer to a request whose body was read already. */
    interface Handler {
        void handle(HttpExchange exchange, String body) throws IOException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, List<String>> bodies = new ConcurrentHashMap<>();

    FakeServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.start();
        answer("/v1/models", 200, "{\"data\": [{\"id\": \"fake-model\"}]}");
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    FakeServer on(String path, Handler handler) {
        server.createContext(path, exchange -> {
            try (exchange) {
                String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                bodies.computeIfAbsent(path, p -> Collections.synchronizedList(new ArrayList<>()))
                        .add(body);
                handler.handle(exchange, body);
            }
        });
        return this;
    }

    FakeServer answer(String path, int status, String text) {
        return on(path, (exchange, body) -> {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
        });
    }

    /** One server-sent event for each text, then [DONE]. */
    FakeServer stream(String path, String... events) {
        return on(path, (exchange, body) -> {
            exchange.sendResponseHeaders(200, 0);
            for (String event : events) {
                send(exchange, event);
            }
            send(exchange, "[DONE]");
        });
    }

    static void send(HttpExchange exchange, String event) throws IOException {
        exchange.getResponseBody().write(("data: " + event + "\n\n").getBytes(StandardCharsets.UTF_8));
        exchange.getResponseBody().flush();
    }

    List<String> bodies(String path) {
        return bodies.getOrDefault(path, List.of());
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
