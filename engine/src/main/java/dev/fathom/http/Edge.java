package dev.fathom.http;

import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.http.Status;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerResponse;
import java.lang.System.Logger;
import java.util.List;

/**
 * What every request passes: the access log, and CORS. As SGLang has it, pages of any origin may call the server, without
 * cookies, which mean nothing here; what operators do is not for pages.
 */
final class Edge {
    private static final Logger ACCESS = System.getLogger("dev.fathom.access");
    private static final String METHODS = "GET, POST, PUT, DELETE, OPTIONS";
    private static final String PREFLIGHT_SECONDS = "600";

    private final String rootPath;
    private final List<String> excluded;

    Edge(HttpConfig config) {
        rootPath = config.rootPath();
        excluded = config.accessLogExcluded();
    }

    void register(HttpRouting.Builder routing) {
        routing.addFilter(this::filter);
    }

    /** Lets a page of any origin read the answer. */
    static void allowAnyOrigin(ServerResponse response) {
        response.header(HeaderNames.ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }

    private void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        String path = request.path().path();
        if (ACCESS.isLoggable(Logger.Level.INFO) && excluded.stream().noneMatch(path::startsWith)) {
            response.whenSent(() -> log(request, response));
        }
        if (request.headers().first(HeaderNames.ORIGIN).isEmpty() || isForOperators(path)) {
            chain.proceed();
            return;
        }
        allowAnyOrigin(response);
        boolean preflight = request.prologue().method().equals(Method.OPTIONS)
                && request.headers()
                        .first(HeaderNames.ACCESS_CONTROL_REQUEST_METHOD)
                        .isPresent();
        if (!preflight) {
            chain.proceed();
            return;
        }
        response.header(HeaderNames.ACCESS_CONTROL_ALLOW_METHODS, METHODS)
                .header(HeaderNames.ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
        request.headers()
                .first(HeaderNames.ACCESS_CONTROL_REQUEST_HEADERS)
                .ifPresent(names -> response.header(HeaderNames.ACCESS_CONTROL_ALLOW_HEADERS, names));
        response.status(Status.NO_CONTENT_204).send();
    }

    private boolean isForOperators(String path) {
        return ApiKeys.isForOperators(path)
                || (path.startsWith(rootPath) && ApiKeys.isForOperators(path.substring(rootPath.length())));
    }

    /** As uvicorn writes it. */
    private static void log(RoutingRequest request, RoutingResponse response) {
        Status status = response.status();
        ACCESS.log(
                Logger.Level.INFO,
                "{0}:{1} - \"{2} {3} {4}/{5}\" {6} {7}",
                request.remotePeer().host(),
                Integer.toString(request.remotePeer().port()),
                request.prologue().method().text(),
                request.path().rawPath(),
                request.prologue().protocol(),
                request.prologue().protocolVersion(),
                status.codeText(),
                status.reasonPhrase());
    }
}
