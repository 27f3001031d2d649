package dev.fathom.http;

import dev.fathom.engine.EngineListener;
import dev.fathom.engine.RequestTiming;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Headers;
import io.helidon.webserver.http.ServerRequest;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tells a collector of OpenTelemetry where the time of each request went: one span for the request and one for each stage of
 * each of its sequences. A trace that the client has begun goes on.
 */
public final class Tracing implements EngineListener, AutoCloseable {
    /** Sequences whose end nobody has asked for yet; others than traced requests' are forgotten in time. */
    private static final int MOST_TIMINGS = 10_000;

    private static final Duration MOST_DELAY = Duration.ofSeconds(1);
    private static final long CLOSING_SECONDS = 5;

    private static final TextMapGetter<Headers> HEADERS = new TextMapGetter<>() {
        @Override
        public @Nullable String get(@Nullable Headers headers, String name) {
            HeaderName header = HeaderNames.create(name);
            return headers != null && headers.contains(header)
                    ? headers.get(header).get()
                    : null;
        }
    };

    private final SdkTracerProvider provider;
    private final Tracer tracer;
    private final Map<String, RequestTiming> timings = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, RequestTiming> eldest) {
            return size() > MOST_TIMINGS;
        }
    };

    private Tracing(SdkTracerProvider provider, String version) {
        this.provider = provider;
        this.tracer = provider.get("dev.fathom", version);
    }

    /**
     * @param endpoint  where a collector takes OTLP over HTTP, such as {@code http://localhost:4318/v1/traces}
     * @param service   the name under which spans appear
     */
    public static Tracing to(URI endpoint, String service, String version) {
        var exporter =
                OtlpHttpSpanExporter.builder().setEndpoint(endpoint.toString()).build();
        SdkTracerProvider provider = SdkTracerProvider.builder()
                .setResource(Resource.builder()
                        .put("service.name", service)
                        .put("service.version", version)
                        .build())
                .addSpanProcessor(BatchSpanProcessor.builder(exporter)
                        .setScheduleDelay(MOST_DELAY)
                        .build())
                .build();
        return new Tracing(provider, version);
    }

    /** A request begins. */
    RequestTrace begin(ServerRequest request) {
        Context parent = W3CTraceContextPropagator.getInstance().extract(Context.root(), request.headers(), HEADERS);
        Instant now = Instant.now();
        String route = request.path().path();
        Span span = tracer.spanBuilder(request.prologue().method().text() + " " + route)
                .setSpanKind(SpanKind.SERVER)
                .setParent(parent)
                .setStartTimestamp(now)
                .setAttribute("http.request.method", request.prologue().method().text())
                .setAttribute("url.path", route)
                .startSpan();
        return new RequestTrace(this, span, now);
    }

    /** A stage of a request, from one moment to another. */
    Span stage(Span request, String name, Instant from) {
        return tracer.spanBuilder(name)
                .setParent(Context.root().with(request))
                .setStartTimestamp(from)
                .startSpan();
    }

    /** How a sequence went that has ended; null if the engine has not said so, for example since it failed. */
    @Nullable
    RequestTiming take(String id) {
        synchronized (timings) {
            return timings.remove(id);
        }
    }

    @Override
    public void finished(RequestTiming timing) {
        synchronized (timings) {
            timings.put(timing.id(), timing);
        }
    }

    /** Sends what is left. */
    @Override
    public void close() {
        provider.shutdown().join(CLOSING_SECONDS, TimeUnit.SECONDS);
    }
}
