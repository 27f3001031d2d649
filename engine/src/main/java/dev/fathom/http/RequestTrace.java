package dev.fathom.http;

import dev.fathom.engine.RequestTiming;
import dev.fathom.serve.TextStream;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The spans of one request. Used by the thread that answers it. Moments are told apart by {@link System#nanoTime}, the
 * engine's clock too, so that no stage leaves its request.
 */
final class RequestTrace {
    private static final AttributeKey<Long> INPUT = AttributeKey.longKey("gen_ai.usage.input_tokens");
    private static final AttributeKey<Long> OUTPUT = AttributeKey.longKey("gen_ai.usage.output_tokens");
    private static final AttributeKey<Long> CACHED = AttributeKey.longKey("fathom.cached_tokens");
    private static final AttributeKey<String> ID = AttributeKey.stringKey("fathom.request_id");
    private static final AttributeKey<String> REASON = AttributeKey.stringKey("fathom.finish_reason");

    private final Tracing tracing;
    private final Span request;
    private final Instant began;
    private final long beganNanos = System.nanoTime();
    private @Nullable Instant submitted;
    private List<String> ids = List.of();

    /** @param began now */
    RequestTrace(Tracing tracing, Span request, Instant began) {
        this.tracing = tracing;
        this.request = request;
        this.began = began;
    }

    /** Template and tokenizer are done, and the engine has the request. */
    void submitted(TextStream answer) {
        submitted = now();
        ids = answer.ids();
    }

    void failed(Throwable error) {
        request.setStatus(StatusCode.ERROR, String.valueOf(error.getMessage()));
    }

    /** The answer is written, or will not be. */
    void end() {
        List<RequestTiming> timings =
                ids.stream().map(tracing::take).filter(Objects::nonNull).toList();
        Instant now = now(); // after the sequences' ends
        Instant tokenized = timings.stream()
                .map(timing -> at(timing.submittedNanos()))
                .min(Instant::compareTo)
                .orElse(submitted);
        if (tokenized != null) {
            tracing.stage(request, "tokenize", began).end(tokenized);
            Instant generated =
                    timings.stream().map(this::engine).max(Instant::compareTo).orElse(tokenized);
            tracing.stage(request, "answer", generated).end(now);
        }
        request.end(now);
    }

    /** Queue, prefill and decode of one sequence; returns when it ended. */
    private Instant engine(RequestTiming timing) {
        Instant from = at(timing.submittedNanos());
        Instant admitted = from.plusNanos(timing.queueNanos());
        Instant ended = from.plusNanos(timing.totalNanos());
        tracing.stage(request, "queue", from).setAttribute(ID, timing.id()).end(admitted);
        if (timing.timeToFirstTokenNanos() > 0) {
            Instant first = from.plusNanos(timing.timeToFirstTokenNanos());
            tracing.stage(request, "prefill", admitted)
                    .setAttribute(ID, timing.id())
                    .setAttribute(INPUT, (long) timing.promptTokens())
                    .setAttribute(CACHED, (long) timing.cachedTokens())
                    .end(first);
            tracing.stage(request, "decode", first)
                    .setAttribute(ID, timing.id())
                    .setAttribute(OUTPUT, (long) timing.completionTokens())
                    .setAttribute(REASON, timing.reason().getClass().getSimpleName())
                    .end(ended);
        }
        return ended;
    }

    private Instant now() {
        return at(System.nanoTime());
    }

    private Instant at(long nanos) {
        return began.plusNanos(nanos - beganNanos);
    }
}
