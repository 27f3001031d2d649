package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;

/** What an operator may do to a running server. */
final class AdminRoutes {
    private final TextService text;
    private final Generator generator;
    private final ServerMetrics metrics;
    private final JsonBody body;
    private final boolean enableMetrics;

    AdminRoutes(HttpConfig config, ServeContext context, JsonBody body) {
        this.text = context.text();
        this.generator = context.generator();
        this.metrics = context.metrics();
        this.body = body;
        this.enableMetrics = config.enableMetrics();
    }

    void register(Routes routes) {
        routes.getAndPost("/flush_cache", this::flushCache)
                .post("/abort_request", this::abortRequest)
                .get("/metrics", this::metrics);
    }

    private void flushCache(ServerRequest request, ServerResponse response) {
        boolean flushed = generator.flushCache();
        response.status(flushed ? Status.OK_200 : Status.BAD_REQUEST_400)
                .header(HeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8")
                .send(
                        flushed
                                ? "Cache flushed.\n"
                                : "Cache not flushed: requests are running or waiting. Try again when they are done.\n");
    }

    private void abortRequest(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        String rid = fields.text("rid");
        boolean all = fields.flag("abort_all", false);
        fields.accept("abort_message", "finished_reason");
        fields.end();
        if (all) {
            text.abortAll();
        } else if (rid != null) {
            text.abort(rid);
        } else {
            throw RequestException.invalid("rid", "Either rid or abort_all must be given.");
        }
        response.send();
    }

    private void metrics(ServerRequest request, ServerResponse response) {
        if (!enableMetrics) {
            ErrorReply.send(request, response, 404, "Metrics are off: start the server with --enable-metrics.");
            return;
        }
        response.header(HeaderNames.CONTENT_TYPE, ServerMetrics.CONTENT_TYPE).send(metrics.scrape());
    }
}
