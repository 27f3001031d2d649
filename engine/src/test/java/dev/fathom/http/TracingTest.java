package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.RequestTiming;
import dev.fathom.serve.EngineListeners;
import dev.fathom.serve.Fathom;
import dev.fathom.serve.FathomOptions;
import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What a collector of OpenTelemetry hears of requests to the embedded model, over real sockets. */
class TracingTest {
    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "b7ad6b7169203331";
    private static final String COMPLETION =
            "{\"prompt\": \"One two three\", \"max_tokens\": 4, \"ignore_eos\": true%s}";

    @Test
    void tellsTheStagesOfARequestInTheClientsTrace() throws Exception {
        checkStages(spans(COMPLETION.formatted("")));
    }

    /** The engine may be done before the thread that submitted a request runs on. */
    @Test
    void keepsStagesWithinTheirRequestWhenItsThreadIsLate() throws Exception {
        var ended = new CountDownLatch(1);
        EngineListener end = new EngineListener() {
            @Override
            public void finished(RequestTiming timing) {
                ended.countDown();
            }
        };
        checkStages(spans(COMPLETION.formatted(""), end, generator -> late(generator, ended)));
    }

    private static void checkStages(List<SpanBytes> spans) {
        SpanBytes request = only(spans, "POST /v1/completions");
        assertThat(request.trace()).isEqualTo(TRACE);
        assertThat(request.parent()).isEqualTo(PARENT);
        List<SpanBytes> stages = spans.stream()
                .filter(span -> !span.equals(request))
                .sorted(Comparator.comparingLong(SpanBytes::start))
                .toList();
        assertThat(stages)
                .extracting(SpanBytes::name)
                .containsExactly("tokenize", "queue", "prefill", "decode", "answer");
        assertThat(stages).allSatisfy(stage -> {
            assertThat(stage.trace()).isEqualTo(TRACE);
            assertThat(stage.parent()).isEqualTo(request.id());
        });
        assertThat(stages.getFirst().start()).isEqualTo(request.start());
        for (int i = 1; i < stages.size(); i++) {
            assertThat(stages.get(i).start()).isEqualTo(stages.get(i - 1).end());
        }
        assertThat(stages.getLast().end()).isLessThanOrEqualTo(request.end());
    }

    @Test
    void tellsTheStagesOfEachSequenceOfAStream() throws Exception {
        List<SpanBytes> spans = spans(COMPLETION.formatted(", \"n\": 2, \"stream\": true"));
        for (String stage : List.of("queue", "prefill", "decode")) {
            assertThat(spans).filteredOn(span -> span.name().equals(stage)).hasSize(2);
        }
        assertThat(spans).filteredOn(span -> span.name().equals("answer")).hasSize(1);
    }

    @Test
    void marksARequestThatIsRefused() throws Exception {
        SpanBytes request = only(spans("{\"prompt\": \"One\", \"regex\": \"(\"}"), "POST /v1/completions");
        assertThat(request.failed()).isTrue();
    }

    /** Submitting returns only when the sequence has ended. */
    private static Generator late(Generator generator, CountDownLatch ended) {
        return (Generator) Proxy.newProxyInstance(
                Generator.class.getClassLoader(), new Class<?>[] {Generator.class}, (proxy, method, arguments) -> {
                    Object result = method.invoke(generator, arguments);
                    if (method.getName().equals("submit")) {
                        ended.await();
                    }
                    return result;
                });
    }

    private static SpanBytes only(List<SpanBytes> spans, String name) {
        return spans.stream()
                .filter(span -> span.name().equals(name))
                .reduce((a, b) -> {
                    throw new AssertionError("two spans " + name);
                })
                .orElseThrow(() -> new AssertionError("no span " + name + " among " + spans));
    }

    /** Everything the collector got when one completion was asked for and the tracing closed. */
    private static List<SpanBytes> spans(String completion) throws Exception {
        return spans(completion, EngineListener.none(), UnaryOperator.identity());
    }

    private static List<SpanBytes> spans(String completion, EngineListener listener, UnaryOperator<Generator> changed)
            throws Exception {
        List<byte[]> received = new CopyOnWriteArrayList<>();
        HttpServer collector = collector(received);
        try {
            URI endpoint =
                    URI.create("http://127.0.0.1:" + collector.getAddress().getPort() + "/v1/traces");
            try (Tracing tracing = Tracing.to(endpoint, "fathom-test", "1");
                    Fathom fathom = Fathom.load(
                            FathomOptions.EMBEDDED.withListener(new EngineListeners(List.of(tracing, listener))));
                    var server = start(fathom, tracing, changed)) {
                HttpRequest request = HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + server.port() + "/v1/completions"))
                        .header("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
                        .POST(HttpRequest.BodyPublishers.ofString(completion))
                        .build();
                try (HttpClient client = HttpClient.newHttpClient()) {
                    client.send(request, BodyHandlers.ofString());
                }
            }
        } finally {
            collector.stop(0);
        }
        List<SpanBytes> spans = new ArrayList<>();
        for (byte[] body : received) {
            spans.addAll(SpanBytes.ofRequest(body));
        }
        return spans;
    }

    private static TestServer start(Fathom fathom, Tracing tracing, UnaryOperator<Generator> changed) {
        Generator generator = changed.apply(Generator.of(fathom.engine()));
        return TestServer.traced(new TextService(fathom.model(), generator), generator, tracing);
    }

    private static HttpServer collector(List<byte[]> received) throws IOException {
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        collector.createContext("/v1/traces", exchange -> {
            received.add(exchange.getRequestBody().readAllBytes());
            exchange.getResponseHeaders().putAll(Map.of("Content-Type", List.of("application/x-protobuf")));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        collector.start();
        return collector;
    }
}
