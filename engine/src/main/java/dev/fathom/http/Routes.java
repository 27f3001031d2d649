package dev.fathom.http;

import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Paths, and which methods each knows: another method is a 405 that names them, another path a 404. */
final class Routes {
    private final HttpRouting.Builder routing;
    private final String rootPath;
    private final ApiKeys keys;
    private final Map<String, List<Method>> methods = new LinkedHashMap<>();

    /** @param rootPath  every route is there with this before its path as well */
    Routes(HttpRouting.Builder routing, String rootPath, ApiKeys keys) {
        this.rootPath = rootPath;
        this.routing = routing;
        this.keys = keys;
    }

    Routes get(String path, Handler handler) {
        return addGuarded(Method.GET, path, handler);
    }

    /** For what has to be there before a key can be given. */
    Routes getWithoutKey(String path, Handler handler) {
        return add(Method.GET, path, handler);
    }

    Routes post(String path, Handler handler) {
        return addGuarded(Method.POST, path, handler);
    }

    Routes delete(String path, Handler handler) {
        return add(Method.DELETE, path, handler);
    }

    Routes getAndPost(String path, Handler handler) {
        return get(path, handler).post(path, handler);
    }

    Routes postAndPut(String path, Handler handler) {
        return post(path, handler).addGuarded(Method.PUT, path, handler);
    }

    /** Answers what no route has; called after the last route. */
    void end() {
        methods.forEach((path, allowed) -> {
            String names = String.join(", ", allowed.stream().map(Method::text).toList());
            Handler wrongMethod = (request, response) -> {
                response.header(HeaderNames.ALLOW, names);
                ErrorReply.send(
                        request,
                        response,
                        405,
                        "Method " + request.prologue().method().text() + " is not allowed for "
                                + request.path().path() + ": use " + names + ".");
            };
            routing.any(path, wrongMethod);
            if (!rootPath.isEmpty()) {
                routing.any(rootPath + path, wrongMethod);
            }
        });
        routing.any((request, response) -> ErrorReply.send(
                request, response, 404, "There is no " + request.path().path() + " on this server."));
    }

    private Routes addGuarded(Method method, String path, Handler handler) {
        return add(method, path, keys.guard(path, handler));
    }

    /** Paths with their methods, in the order in which they were added. */
    Map<String, List<Method>> table() {
        return Collections.unmodifiableMap(methods);
    }

    private Routes add(Method method, String path, Handler handler) {
        routing.route(method, path, handler);
        if (!rootPath.isEmpty()) {
            routing.route(method, rootPath + path, handler);
        }
        methods.computeIfAbsent(path, unseen -> new ArrayList<>()).add(method);
        return this;
    }
}
