package dev.fathom.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A client of a running server: JSON in, JSON or server-sent events out. */
final class ServerClient implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private final JsonMapper json = new JsonMapper();
    private final HttpClient http;
    private final String baseUrl;
    private final Optional<String> apiKey;

    /** @param baseUrl such as http://127.0.0.1:30000; a closing slash or /v1 is cut off */
    ServerClient(String baseUrl, Optional<String> apiKey) {
        this.baseUrl = baseUrl.replaceFirst("/(v1/?)?$", "");
        this.apiKey = apiKey;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .build();
        String scheme = URI.create(baseUrl).getScheme();
        if (!"http".equals(scheme) && !"https".equals(scheme)) {
            throw CliException.usage("The server's address must start with http:// or https://, got " + baseUrl + ".");
        }
    }

    String baseUrl() {
        return baseUrl;
    }

    /** @throws CliException when the server does not answer, or not with status 200 */
    JsonNode get(String path) throws InterruptedException {
        return body(request(path).GET().build());
    }

    /** @throws CliException as {@link #get} */
    JsonNode post(String path, JsonNode body) throws InterruptedException {
        return body(request(path)
                .POST(HttpRequest.BodyPublishers.ofByteArray(json.writeValueAsBytes(body)))
                .build());
    }

    private JsonNode body(HttpRequest request) throws InterruptedException {
        try (InputStream in = send(request)) {
            byte[] bytes = in.readAllBytes();
            return bytes.length == 0 ? json.createObjectNode() : json.readTree(bytes);
        } catch (IOException e) {
            throw CliException.failure("The answer of " + request.uri() + " broke off: " + e.getMessage());
        } catch (JacksonException e) {
            return json.createObjectNode(); // an answer in plain text, such as /flush_cache gives
        }
    }

    /**
     * Sends a streaming request and hands over each event's data until the stream ends.
     *
     * @param cancellation  ends the stream early by closing the connection; the method then returns normally
     * @throws CliException when the server does not answer with status 200, breaks off, or sends an error event
     */
    void stream(String path, JsonNode body, Cancellation cancellation, Consumer<JsonNode> event)
            throws InterruptedException {
        HttpRequest request = request(path)
                .POST(HttpRequest.BodyPublishers.ofByteArray(json.writeValueAsBytes(body)))
                .build();
        try (InputStream in = send(request);
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            cancellation.onCancel(() -> close(in));
            String line;
            while ((line = lines.readLine()) != null) {
                String data = line.startsWith("data:") ? line.substring(5).strip() : "";
                if (data.equals("[DONE]")) {
                    return;
                }
                if (!data.isEmpty()) {
                    JsonNode node = json.readTree(data);
                    if (node.has("error")) {
                        throw CliException.failure(errorMessage(node, data));
                    }
                    event.accept(node);
                }
            }
            if (!cancellation.isCancelled()) {
                throw CliException.failure("The stream of " + request.uri() + " ended without [DONE].");
            }
        } catch (IOException e) {
            if (!cancellation.isCancelled()) {
                throw CliException.failure("The stream of " + request.uri() + " broke off: " + e.getMessage());
            }
        }
    }

    private static void close(InputStream in) {
        try {
            in.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(baseUrl + path)).header("Content-Type", "application/json");
        apiKey.ifPresent(key -> request.header("Authorization", "Bearer " + key));
        return request;
    }

    private InputStream send(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<InputStream> response;
        try {
            response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (ConnectException e) {
            throw CliException.failure(
                    "No server answers at " + baseUrl + "; start one with ./fathom serve, or give --base-url.");
        }
        if (response.statusCode() == 200) {
            return response.body();
        }
        try (InputStream in = response.body()) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            throw CliException.failure("The server answered " + request.uri() + " with status " + response.statusCode()
                    + ": " + message(text));
        }
    }

    private String message(String body) {
        try {
            return errorMessage(json.readTree(body), body);
        } catch (JacksonException e) {
            return body.strip();
        }
    }

    /** OpenAI's form has {error: {message}}, SGLang's {message}. */
    private static String errorMessage(JsonNode node, String otherwise) {
        String nested = node.path("error").path("message").asString("");
        String plain = node.path("message").asString("");
        return nested.isEmpty() ? plain.isEmpty() ? otherwise : plain : nested;
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
