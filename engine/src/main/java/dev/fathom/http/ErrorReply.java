package dev.fathom.http;

import dev.fathom.api.RequestException;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Errors in SGLang's shape: {@code {object: "error", message, type, param, code}}. */
final class ErrorReply {
    /** A full queue moves on within about a second; so long a client should wait before it tries again. */
    private static final String RETRY_SECONDS = "1";

    private ErrorReply() {}

    static ObjectNode json(int status, String message, @Nullable String parameter) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("object", "error")
                .put("message", message)
                .put("type", type(status))
                .put("param", parameter)
                .put("code", status);
    }

    static ObjectNode json(RequestException e) {
        return json(e.code().httpStatus(), String.valueOf(e.getMessage()), e.parameter());
    }

    static void send(ServerResponse response, RequestException e) {
        send(response, e.code().httpStatus(), json(e));
    }

    static void send(ServerResponse response, int status, String message) {
        send(response, status, json(status, message, null));
    }

    private static void send(ServerResponse response, int status, ObjectNode error) {
        if (status == 503) {
            response.header(HeaderNames.RETRY_AFTER, RETRY_SECONDS);
        }
        if (status == 401) {
            response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
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
}
