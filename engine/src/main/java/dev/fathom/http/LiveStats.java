package dev.fathom.http;

import dev.fathom.api.EngineStats;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.util.function.Supplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * How the server stands, for the web page's live view, whether or not {@code /metrics} is served. Totals and histograms
 * since the start: the page subtracts one answer from the next to get rates and latencies of the time between them.
 */
final class LiveStats {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Supplier<EngineStats> stats;
    private final ServerMetrics metrics;
    private final long startNanos = System.nanoTime();

    LiveStats(Supplier<EngineStats> stats, ServerMetrics metrics) {
        this.stats = stats;
        this.metrics = metrics;
    }

    ObjectNode json() {
        EngineStats now = stats.get();
        ObjectNode live = JSON.objectNode()
                .put("seconds", (System.nanoTime() - startNanos) / 1e9)
                .put("running", now.runningRequests())
                .put("queued", now.queuedRequests());
        live.putObject("kv")
                .put("total", now.kvTotalTokens())
                .put("held", now.kvUsedTokens() - now.kvEvictableTokens())
                .put("cached", now.kvEvictableTokens());
        live.putObject("totals")
                .put("prompt_tokens", now.promptTokens())
                .put("cached_tokens", now.cachedTokens())
                .put("generated_tokens", now.generatedTokens())
                .put("evicted_tokens", now.evictedTokens())
                .put("finished", now.finishedRequests())
                .put("aborted", now.abortedRequests())
                .put("retracted", now.retracted().requests());
        live.set("first_token", histogram(metrics.firstTokenTimes()));
        live.set("between_tokens", histogram(metrics.timesBetweenTokens()));
        return live;
    }

    /** Bounds in seconds, and how many times fell between each and the one before; the last bucket has no bound. */
    private static ObjectNode histogram(HistogramSnapshot.HistogramDataPointSnapshot data) {
        ObjectNode histogram = JSON.objectNode().put("count", data.getCount()).put("sum", data.getSum());
        ArrayNode bounds = histogram.putArray("bounds");
        ArrayNode counts = histogram.putArray("counts");
        ClassicHistogramBuckets buckets = data.getClassicBuckets();
        for (int i = 0; i < buckets.size(); i++) {
            if (Double.isFinite(buckets.getUpperBound(i))) {
                bounds.add(buckets.getUpperBound(i));
            }
            counts.add(buckets.getCount(i));
        }
        return histogram;
    }
}
