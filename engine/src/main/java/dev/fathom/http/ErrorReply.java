package dev.fathom.http;

import dev.fathom.api.RequestException;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Errors in SGLang's shape, {@code {object: "error", message, type, param, code}}; on Anthropic's paths and on those of
 * OpenAI's Responses in the shapes that their clients read.
 */
final class ErrorReply {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String ANTHROPIC_PATH = "/v1/messages";
    private static final String RESPONSES_PATH = "/v1/responses";

    /** A full queue moves on within about a second; so long a client should wait before it tries again. */
    private static final String RETRY_SECONDS = "1";

    private ErrorReply() {}

    static ObjectNode json(int status, String message, @Nullable String parameter) {
        return JSON.objectNode()
                .put("object", "error")
                .put("message", message)
                .put("type", type(status))
                .put("param", parameter)
                .put("code", status);
    }

    static ObjectNode json(RequestException e) {
        return json(e.code().httpStatus(), String.valueOf(e.getMessage()), e.parameter());
    }

    /** In Anthropic's shape. */
    static ObjectNode anthropic(int status, String message) {
        ObjectNode reply = JSON.objectNode().put("type", "error");
        reply.putObject("error").put("type", anthropicType(status)).put("message", message);
        return reply;
    }

    /** In OpenAI's own shape. */
    static ObjectNode openAi(int status, String message, @Nullable String parameter) {
        ObjectNode reply = JSON.objectNode();
        reply.putObject("error")
                .put("message", message)
                .put("type", status < 500 ? "invalid_request_error" : "server_error")
                .put("param", parameter)
                .put("code", type(status));
        return reply;
    }

    static void send(ServerRequest request, ServerResponse response, RequestException e) {
        send(request, response, e.code().httpStatus(), String.valueOf(e.getMessage()), e.parameter());
    }

    static void send(ServerRequest request, ServerResponse response, int status, String message) {
        send(request, response, status, message, null);
    }

    private static void send(
            ServerRequest request, ServerResponse response, int status, String message, @Nullable String parameter) {
        if (status == 503) {
            response.header(HeaderNames.RETRY_AFTER, RETRY_SECONDS);
        }
        if (status == 401) {
            response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        String path = request.path().path();
        if (request.headers().first(HeaderNames.ORIGIN).isPresent() && !ApiKeys.isForOperators(path)) {
            Edge.allowAnyOrigin(response); // the filter's header went with what the handler had set
        }
        ObjectNode error = path.contains(ANTHROPIC_PATH)
                ? anthropic(status, message)
                : path.contains(RESPONSES_PATH) ? openAi(status, message, parameter) : json(status, message, parameter);
        response.status(Status.create(status))
                .header(HeaderValues.CONTENT_TYPE_JSON)
                .send(error.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String type(int status) {
        return switch (status) {
            case 400, 415 -> "BadRequestError";
            case 401 -> "AuthenticationError";
            case 404 -> "NotFoundError";
            case 405 -> "MethodNotAllowedError";
            case 413 -> "PayloadTooLargeError";
            case 499 -> "AbortedError";
            case 503 -> "ServiceUnavailableError";
            default -> status < 500 ? "BadRequestError" : "InternalServerError";
        };
    }

    private static String anthropicType(int status) {
        return switch (status) {
            case 401 -> "authentication_error";
            case 404 -> "not_found_error";
            case 413 -> "request_too_large";
            case 499, 500 -> "api_error";
            case 503 -> "overloaded_error";
            default -> "invalid_request_error";
        };
    }
}
