package dev.fathom.http;

import dev.fathom.serve.Generator;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The web page at {@code /}: a chat and a view of how the server stands.
 *
 * <p>Every file is a route of its own, so no path of a client's ever becomes a path of a file. The files need no key (the
 * page asks for it); what the page then asks the server does.
 */
final class PageRoutes {
    /**
     * Nothing from elsewhere, no inline code: whatever a model writes into the page cannot run there or send anything
     * away.
     */
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final List<String> FILES = List.of(
            "api.js",
            "chart.js",
            "chat.js",
            "docs.css",
            "docs.js",
            "dom.js",
            "icon.svg",
            "live.js",
            "main.js",
            "markdown.js",
            "message.js",
            "settings.js",
            "style.css",
            "theme.js");

    private final LiveStats live;

    PageRoutes(ServeContext context) {
        Generator generator = context.generator();
        live = new LiveStats(generator::stats, context.metrics());
    }

    void register(Routes routes) {
        open(routes, "/", PageFile.load("index.html"));
        for (String name : FILES) {
            open(routes, "/page/" + name, PageFile.load(name));
        }
        routes.get("/page/stats", this::stats);
    }

    /** Serves a file of the page, which no key guards. */
    static void open(Routes routes, String path, PageFile file) {
        routes.getWithoutKey(path, (request, response) -> send(file, request, response));
    }

    /** The browser keeps a file and asks each time whether it is still the same: an update shows at once. */
    private static void send(PageFile file, ServerRequest request, ServerResponse response) {
        response.header(HeaderNames.ETAG, file.tag())
                .header(HeaderNames.CACHE_CONTROL, "no-cache")
                .header("Content-Security-Policy", POLICY)
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", "no-referrer");
        if (file.isKnown(request.headers().first(HeaderNames.IF_NONE_MATCH).orElse(""))) {
            response.status(Status.NOT_MODIFIED_304).send();
        } else {
            response.header(HeaderNames.CONTENT_TYPE, file.contentType()).send(file.content());
        }
    }

    private void stats(ServerRequest request, ServerResponse response) {
        response.header(HeaderValues.CONTENT_TYPE_JSON)
                .header(HeaderNames.CACHE_CONTROL, "no-store")
                .send(live.json().toString().getBytes(StandardCharsets.UTF_8));
    }
}
