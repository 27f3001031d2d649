package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's Responses: made, kept for a while, retrieved, cancelled, deleted. */
final class ResponseRoutes {
    private static final System.Logger LOG = System.getLogger("dev.fathom.http");
    /** An abort takes one step of the engine. */
    private static final Duration CANCELLED_WITHIN = Duration.ofSeconds(30);

    private final HttpConfig config;
    private final ServeContext context;
    private final Answers answers;
    private final Observers observers;
    private final ResponseReader reader;
    private final ResponseStore store = new ResponseStore();

    ResponseRoutes(
            HttpConfig config, ServeContext context, Answers answers, Observers observers, MessageReader messages) {
        this.config = config;
        this.context = context;
        this.answers = answers;
        this.observers = observers;
        this.reader = new ResponseReader(config, context.text().model(), messages, store);
    }

    void register(Routes routes) {
        routes.post("/v1/responses", this::create)
                .get("/v1/responses/{id}", this::retrieve)
                .delete("/v1/responses/{id}", this::delete)
                .post("/v1/responses/{id}/cancel", this::cancel);
    }

    private void create(ServerRequest request, ServerResponse response) {
        JsonFields fields = answers.read(request);
        ResponseRequest asked = reader.read(fields);
        if (asked.background()) {
            send(response, begin(request, fields, asked));
            return;
        }
        answers.answer(
                request,
                response,
                fields,
                new Call(
                        asked.chat().id(),
                        service -> service.chat(asked.chat()),
                        answer ->
                                new ResponseFormat(asked.shown(), config.enableCacheReport(), end -> keep(asked, end)),
                        asked.stream()));
    }

    /** Runs an answer that nobody waits for; gives the response as it is at first. */
    private ObjectNode begin(ServerRequest request, JsonFields fields, ResponseRequest asked) {
        Observers.Observation seen = observers.begin(request, asked.chat().id(), fields);
        TextStream answer;
        try {
            answer = context.text().chat(asked.chat());
        } catch (RuntimeException e) {
            seen.end(e);
            throw e;
        }
        seen.submitted(answer);
        var run = new ResponseStore.Background(answer, new CompletableFuture<>());
        ObjectNode queued = ResponseFormat.waiting(asked.shown(), "queued");
        store.put(asked.chat().id(), new ResponseStore.Entry(queued, List.of(), run));
        Thread.ofVirtual().name("fathom-background").start(() -> run(asked, run, seen));
        return queued;
    }

    private void run(ResponseRequest asked, ResponseStore.Background run, Observers.Observation seen) {
        String id = asked.chat().id();
        var format = new ResponseFormat(asked.shown(), config.enableCacheReport(), end -> {
            store.put(id, entry(asked, end, run));
            run.ended().complete(end);
        });
        var clock = new TokenClock(context.metrics(), 1);
        Throwable failure = null;
        try (TextStream answer = run.answer()) {
            List<TextResult> results = answer.collect(delta -> {
                clock.arrived(delta);
                seen.add(delta);
                if (store.get(id).response().get("status").stringValue().equals("queued")) {
                    ObjectNode begun = ResponseFormat.waiting(asked.shown(), "in_progress");
                    store.put(id, new ResponseStore.Entry(begun, List.of(), run));
                }
            });
            seen.add(results);
            format.whole(results);
        } catch (RequestException e) {
            if (e.code() == ErrorCode.INTERNAL) {
                LOG.log(System.Logger.Level.ERROR, "A background response failed.", e);
            }
            failure = e;
            format.failure(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody interrupts it but the end of the JVM
        } finally {
            seen.end(failure);
        }
    }

    private void keep(ResponseRequest asked, ObjectNode response) {
        if (asked.store()) {
            store.put(asked.chat().id(), entry(asked, response, null));
        }
    }

    private static ResponseStore.Entry entry(
            ResponseRequest asked, ObjectNode response, ResponseStore.@Nullable Background run) {
        var spoken = new ResponseInput(asked.conversation());
        List<JsonNode> said = response.get("output").values().stream()
                .filter(item -> !isBrokenCall(item))
                .toList();
        spoken.addItems("output", said);
        return new ResponseStore.Entry(response, spoken.conversation(), run);
    }

    /** Its text follows as a message. */
    private static boolean isBrokenCall(JsonNode item) {
        return item.get("type").stringValue().equals("function_call")
                && item.get("status").stringValue().equals("incomplete");
    }

    private void retrieve(ServerRequest request, ServerResponse response) {
        if (request.query().first("stream").map(Boolean::parseBoolean).orElse(false)) {
            throw RequestException.notSupported(
                    "stream", "stream is not supported for a stored response: fetch it whole, without stream.");
        }
        send(response, store.get(id(request)).response());
    }

    private void delete(ServerRequest request, ServerResponse response) {
        String id = id(request);
        ResponseStore.Entry entry = store.get(id);
        if (entry.running()) {
            throw RequestException.invalid("response_id", "Response " + id + " is being written: cancel it first.");
        }
        store.remove(id);
        send(
                response,
                JsonNodeFactory.instance
                        .objectNode()
                        .put("id", id)
                        .put("object", "response")
                        .put("deleted", true));
    }

    private void cancel(ServerRequest request, ServerResponse response) {
        String id = id(request);
        ResponseStore.Background run = store.get(id).run();
        if (run == null) {
            throw RequestException.invalid(
                    "response_id",
                    "Response " + id + " cannot be cancelled: only responses that were made with background can.");
        }
        run.answer().abort();
        try {
            send(response, run.ended().get(CANCELLED_WITHIN.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException | ExecutionException e) {
            throw new RequestException("Response " + id + " did not end when it was cancelled.", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RequestException("Interrupted while cancelling " + id + ".", e);
        }
    }

    private static String id(ServerRequest request) {
        return request.path().pathParameters().get("id");
    }

    private static void send(ServerResponse response, JsonNode body) {
        response.header(HeaderValues.CONTENT_TYPE_JSON).send(body.toString().getBytes(StandardCharsets.UTF_8));
    }
}
