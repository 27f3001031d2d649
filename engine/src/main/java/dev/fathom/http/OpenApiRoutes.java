package dev.fathom.http;

import io.helidon.http.HeaderNames;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The OpenAPI document, and a page that shows it. Both are files of the jar and need no key: they say nothing of this server
 * but its version.
 */
final class OpenApiRoutes {
    private static final String VERSION = "{version}";

    private final byte[] document;

    OpenApiRoutes(ServeContext context) {
        document = text().replace(VERSION, context.version()).getBytes(StandardCharsets.UTF_8);
    }

    /** The document, its version left open. */
    static String text() {
        try (InputStream in = OpenApiRoutes.class.getResourceAsStream("/openapi.json")) {
            if (in == null) {
                throw new IllegalStateException("openapi.json is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void register(Routes routes) {
        routes.getWithoutKey(
                "/openapi.json",
                (request, response) -> response.header(HeaderNames.CONTENT_TYPE, "application/json")
                        .header(HeaderNames.CACHE_CONTROL, "no-cache")
                        .send(document));
        PageRoutes.open(routes, "/docs", PageFile.load("docs.html"));
    }
}
