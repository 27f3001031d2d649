package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.text.grammar.JsonFault;
import io.helidon.webserver.http.ServerRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/** Request bodies to JSON objects, with errors that say where. */
final class JsonBody {
    /** Deeper nesting is refused; a schema in {@code tools} seldom reaches 20. */
    private static final int MOST_DEPTH = 200;
    /** Of a body that is too long, what is read only to be thrown away (bytes). */
    private static final long MOST_DISCARDED = 64 << 20;

    private final JsonMapper json;
    private final int maxBytes;

    /** @param maxBytes longest body and so longest string (bytes) */
    JsonBody(int maxBytes) {
        this.maxBytes = maxBytes;
        json = JsonMapper.builder(JsonFactory.builder()
                        .streamReadConstraints(StreamReadConstraints.builder()
                                .maxNestingDepth(MOST_DEPTH)
                                .maxStringLength(maxBytes)
                                .build())
                        .build())
                .build();
    }

    JsonMapper mapper() {
        return json;
    }

    /** Reads the whole body. @throws RequestException when it is not one JSON object */
    JsonFields read(ServerRequest request) {
        checkCharset(request);
        return parse(bytes(request));
    }

    /** The same where a body may be left out: no body is an object without fields. */
    JsonFields readOrEmpty(ServerRequest request) {
        checkCharset(request);
        byte[] body = bytes(request);
        return body.length == 0 ? new JsonFields(JsonNodeFactory.instance.objectNode(), "") : parse(body);
    }

    JsonFields parse(byte[] body) {
        if (body.length == 0) {
            throw RequestException.invalid("body", "The body is empty: send a JSON object.");
        }
        JsonNode tree;
        try {
            tree = json.readTree(body);
        } catch (JacksonException e) {
            throw RequestException.invalid("body", "The body is not valid JSON: " + JsonFault.describe(e) + ".");
        }
        if (!tree.isObject()) {
            String got = tree.isMissingNode() ? "nothing" : JsonFields.typeName(tree);
            throw RequestException.invalid("body", "The body must be a JSON object, got " + got + ".");
        }
        refuseBrokenText("", tree);
        return new JsonFields(tree, "");
    }

    /**
     * The whole body. One that is too long is read on for a while and thrown away: a connection that is closed on unread
     * bytes is reset, and the client may never see the answer.
     */
    private byte[] bytes(ServerRequest request) {
        if (!request.content().hasEntity()) {
            return new byte[0];
        }
        boolean announcedTooLong = request.headers().contentLength().orElse(0) > maxBytes;
        try (var in = request.content().inputStream()) {
            byte[] body = announcedTooLong ? new byte[0] : in.readNBytes(maxBytes);
            if (announcedTooLong || in.read() >= 0) {
                in.skip(MOST_DISCARDED);
                throw new HttpProblem(413, "The body is too large: at most " + maxBytes + " bytes are read.");
            }
            return body;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void checkCharset(ServerRequest request) {
        String charset = request.headers()
                .contentType()
                .flatMap(type -> type.charset())
                .orElse("utf-8")
                .toLowerCase(Locale.ROOT);
        if (!charset.equals("utf-8") && !charset.equals("utf8") && !charset.equals("us-ascii")) {
            throw new HttpProblem(415, "The charset " + charset + " is not supported: JSON is sent as UTF-8.");
        }
    }

    /** Half of a surrogate pair is no character and has no UTF-8 form, so no token either. */
    private static void refuseBrokenText(String where, JsonNode node) {
        if (node.isString()) {
            check(where, node.stringValue());
        } else if (node.isObject()) {
            for (Map.Entry<String, JsonNode> field : node.properties()) {
                check(where + field.getKey(), field.getKey());
                refuseBrokenText(where.isEmpty() ? field.getKey() : where + "." + field.getKey(), field.getValue());
            }
        } else if (node.isArray()) {
            int i = 0;
            for (JsonNode element : node) {
                if (element.isString() || element.isContainer()) {
                    refuseBrokenText(where + "[" + i + "]", element);
                }
                i++;
            }
        }
    }

    private static void check(String where, String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (!pair) {
                    throw RequestException.invalid(
                            where,
                            where + " has half of a surrogate pair at character " + i + ": it is not valid Unicode.");
                }
                i++;
            }
        }
    }
}
