package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.serve.ServedModel;
import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import java.lang.System.Logger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The OpenAI-compatible server.
 *
 * <p>It listens from {@link #start} on and answers 503 until {@link #ready}; {@link #stop} finishes what runs and
 * refuses what is new.
 */
public final class HttpServer implements AutoCloseable {
    private static final Logger LOG = System.getLogger("dev.fathom.http");

    /** How long open connections get to read the rest of their answers once no request runs any more. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private final WebServer server;
    private final Lifecycle lifecycle;
    private final ServeContext context;

    private HttpServer(WebServer server, Lifecycle lifecycle, ServeContext context) {
        this.server = server;
        this.lifecycle = lifecycle;
        this.context = context;
    }

    /**
     * Binds the port.
     *
     * @throws IllegalStateException if the port cannot be bound
     */
    public static HttpServer start(HttpConfig config, ServeContext context) {
        var lifecycle = new Lifecycle();
        var connections = new ConnectionWatcher(Http1Config.create());
        context.metrics().watch(context.generator()::stats);
        var builder = WebServer.builder();
        if (config.tls() != null) {
            builder.tls(TlsSettings.of(config.tls()));
        }
        WebServer server = builder.host(config.host())
                .port(config.port())
                .connectionOptions(options -> options.tcpNoDelay(true).readTimeout(Duration.ZERO))
                .idleConnectionTimeout(config.idleTimeout())
                .idleConnectionPeriod(config.idleTimeout().dividedBy(4))
                .shutdownGracePeriod(LAST_WORDS)
                .shutdownHook(false)
                .addConnectionSelector(connections)
                .directHandlers(directHandlers())
                .routing(routing -> route(routing, config, context, connections, lifecycle))
                .build()
                .start();
        if (!server.isRunning()) {
            throw new IllegalStateException("Cannot listen on " + config.host() + ":" + config.port()
                    + ": is another server running there? Choose another --port.");
        }
        return new HttpServer(server, lifecycle, context);
    }

    /** The bound port. */
    public int port() {
        return server.port();
    }

    /** From now on requests are taken. */
    public void ready() {
        lifecycle.ready();
    }

    /**
     * Refuses new requests, lets running ones finish for at most {@code grace}, aborts the rest (their clients get what
     * was written so far), and closes the port.
     */
    public void stop(Duration grace) {
        lifecycle.stopping();
        try {
            if (!context.generator().drain(grace)) {
                LOG.log(Logger.Level.WARNING, "Requests still run after {0} seconds.", grace.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // whoever stops the server is in a hurry
        }
        int aborted = context.text().abortAll();
        if (aborted > 0) {
            LOG.log(Logger.Level.WARNING, "Aborted {0} sequences that were not done in time.", aborted);
        }
        server.stop();
    }

    @Override
    public void close() {
        stop(Duration.ZERO);
    }

    /** Registers every route. */
    static Routes route(
            HttpRouting.Builder routing,
            HttpConfig config,
            ServeContext context,
            ConnectionWatcher connections,
            Lifecycle lifecycle) {
        var body = new JsonBody(config.maxBodyBytes());
        ServedModel model = context.text().model();
        var messages = new MessageReader(body.mapper(), model.readsToolsOfMessages());
        var log = new RequestLog(config.requestLogging());
        var observers = new Observers(log, context.tracing(), context.crashes());
        var answers = new Answers(context, body, connections, lifecycle, observers);
        new Edge(config).register(routing);
        var chat = new ChatReader(config, model, messages);
        var routes = new Routes(routing, config.rootPath(), new ApiKeys(config));
        routes.post("/v1/chat/completions", answers.handler(chat::read))
                .post("/invocations", answers.handler(chat::read))
                .post("/v1/completions", answers.handler(new CompletionReader(config, model)::read))
                .postAndPut("/generate", answers.handler(new GenerateReader(config, model)::read));
        routes.post("/v1/score", answers.handler(new ScoreReader(model)::read));
        var anthropic = new AnthropicReader(config, model, messages);
        routes.post("/v1/messages", answers.handler(anthropic::read))
                .post(
                        "/v1/messages/count_tokens",
                        (request, response) -> anthropic.countTokens(body, context.text(), request, response));
        new ResponseRoutes(config, context, answers, observers, messages).register(routes);
        new HealthRoutes(lifecycle, context.generator(), config.healthTimeout()).register(routes);
        new InfoRoutes(config, context, body.mapper()).register(routes);
        new ParseRoutes(context.text(), body, messages).register(routes);
        new TokenizeRoutes(context.text(), body, messages).register(routes);
        new AdminRoutes(config, context, body).register(routes);
        new ControlRoutes(config, context, body, log).register(routes);
        RefusedRoutes.register(routes);
        new OpenApiRoutes(context).register(routes);
        new PageRoutes(context).register(routes);
        routes.end();
        routing.error(RequestException.class, (request, response, e) -> {
            if (e.code() == ErrorCode.INTERNAL) {
                LOG.log(Logger.Level.ERROR, "A request failed.", e);
            }
            ErrorReply.send(request, response, e);
        });
        routing.error(
                HttpProblem.class,
                (request, response, e) ->
                        ErrorReply.send(request, response, e.status(), String.valueOf(e.getMessage())));
        routing.error(CloseConnectionException.class, (request, response, e) -> {
            throw e;
        });
        routing.error(RuntimeException.class, (request, response, e) -> {
            LOG.log(Logger.Level.ERROR, "A request failed by a defect.", e);
            ErrorReply.send(request, response, 500, "Internal error: the server's log has the details.");
        });
        return routes;
    }

    /** What Helidon refuses before any route sees it, in the same shape as our own errors. */
    private static DirectHandlers directHandlers() {
        DirectHandler handler = (request, event, status, headers, message) -> {
            boolean encoded = request.headers().contains(HeaderNames.CONTENT_ENCODING);
            int code = encoded ? 415 : status.code();
            return DirectHandler.TransportResponse.builder()
                    .status(Status.create(code))
                    .headers(headers)
                    .header(HeaderValues.CONTENT_TYPE_JSON)
                    .keepAlive(event.keepAlive())
                    .entity(ErrorReply.json(code, refusal(code, message), null)
                            .toString()
                            .getBytes(StandardCharsets.UTF_8))
                    .build();
        };
        var handlers = DirectHandlers.builder();
        for (DirectHandler.EventType event : DirectHandler.EventType.values()) {
            handlers.addHandler(event, handler);
        }
        return handlers.build();
    }

    private static String refusal(int status, @Nullable String message) {
        return switch (status) {
            case 415 -> "Content-Encoding is not supported: send the body as it is.";
            default -> message == null || message.isEmpty() ? "The request is not valid HTTP." : message;
        };
    }
}
