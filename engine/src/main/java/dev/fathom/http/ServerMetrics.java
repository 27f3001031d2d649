package dev.fathom.http;

import dev.fathom.api.EngineStats;
import dev.fathom.api.RequestException;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.RequestTiming;
import dev.fathom.serve.GrammarListener;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * Prometheus metrics under SGLang's names.
 *
 * <p>What the engine counts itself is read from its snapshot when somebody asks; only what a snapshot cannot tell, the
 * distribution of times, is collected as it happens.
 */
public final class ServerMetrics implements EngineListener, GrammarListener {
    public static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final String LABEL = "model_name";
    private static final double NANOS = 1e9;

    // SGLang's names of a request's stages.
    private static final String WAITING = "prefill_waiting";
    private static final String PREFILL = "prefill_forward";
    private static final String DECODE = "decode_forward";

    // SGLang's bucket bounds, in seconds; MetricBuckets has the others.
    private static final List<Double> PER_TOKEN = List.of(
            0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1d,
            2d);
    private static final List<Double> QUEUED = List.of(
            0d, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1d, 2d, 3d, 4d, 5d, 10d, 15d, 20d, 30d, 40d, 50d, 60d, 70d,
            80d, 90d, 100d, 200d, 300d, 400d, 500d, 600d, 700d, 800d, 900d, 1000d, 1200d, 1400d, 1600d, 1800d, 2000d,
            2500d, 3000d);
    private static final List<Double> STAGE = MetricBuckets.exponential(0.001, 1.62, 30);

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
    private final String modelName;
    private final Histogram firstToken;
    private final Histogram betweenTokens;
    private final Histogram perToken;
    private final Histogram whole;
    private final Histogram queued;
    private final Histogram stages;
    private final Histogram promptTokens;
    private final Histogram computedTokens;
    private final Histogram generatedTokens;
    private final Counter requests;
    private final Gauge retracted;
    private final Histogram grammarTimes;
    private final Counter grammars;
    private final Counter knownGrammars;
    private final Counter refusedGrammars;

    /** @param modelName the value of the label every metric carries */
    public ServerMetrics(String modelName) {
        this(modelName, MetricBuckets.DEFAULT);
    }

    /** @param modelName the value of the label every metric carries */
    public ServerMetrics(String modelName, MetricBuckets buckets) {
        this.modelName = modelName;
        firstToken = histogram(
                "time_to_first_token_seconds", "Time from submission to the first token.", buckets.firstToken());
        betweenTokens = histogram("inter_token_latency_seconds", "Time between two tokens.", buckets.betweenTokens());
        perToken = histogram(
                "time_per_output_token_seconds", "Mean time of a request's tokens after the first.", PER_TOKEN);
        whole = histogram("e2e_request_latency_seconds", "Time from submission to the end.", buckets.whole());
        queued = histogram("queue_time_seconds", "Time from submission to the first step.", QUEUED);
        promptTokens = histogram("prompt_tokens_histogram", "Prompt tokens of a request.", buckets.promptTokens());
        computedTokens = histogram(
                "uncached_prompt_tokens_histogram",
                "Prompt tokens of a request that were not in the cache.",
                buckets.promptTokens());
        generatedTokens =
                histogram("generation_tokens_histogram", "Tokens a request generated.", buckets.generatedTokens());
        stages = Histogram.builder()
                .name("sglang:per_stage_req_latency_seconds")
                .help("Time of a request in each stage: waiting, until its first token, and after that.")
                .labelNames(LABEL, "stage")
                .classicOnly()
                .classicUpperBounds(array(STAGE))
                .register(registry);
        for (String stage : List.of(WAITING, PREFILL, DECODE)) {
            stages.initLabelValues(modelName, stage);
        }
        requests = counter("num_requests_total", "Requests that have ended, however they did.");
        grammarTimes = histogram("grammar_compilation_time_seconds", "Time to prepare a grammar.", STAGE);
        grammars = counter("num_grammar_total", "Requests with a grammar.");
        knownGrammars = counter("num_grammar_cache_hit_total", "Those whose grammar was prepared before.");
        refusedGrammars = counter("num_grammar_aborted_total", "Those whose grammar was refused.");
        retracted = Gauge.builder()
                .name("sglang:num_retracted_reqs")
                .help("Requests that went back to the queue the last time memory ran out.")
                .labelNames(LABEL)
                .register(registry);
        retracted.initLabelValues(modelName);
    }

    /** Reads from now on what the engine counts itself. Called once. */
    void watch(Supplier<EngineStats> stats) {
        counter("prompt_tokens_total", "Prompt tokens processed.", stats, EngineStats::promptTokens);
        counter("generation_tokens_total", "Tokens generated.", stats, EngineStats::generatedTokens);
        counter("cached_tokens_total", "Prompt tokens taken from the prefix cache.", stats, EngineStats::cachedTokens);
        counter("evicted_tokens_total", "Tokens dropped from the prefix cache.", stats, EngineStats::evictedTokens);
        counter("num_aborted_requests_total", "Requests aborted.", stats, EngineStats::abortedRequests);
        counter(
                "num_retracted_requests_total",
                "Requests retracted.",
                stats,
                now -> now.retracted().requests());
        counter(
                "num_retracted_input_tokens_total",
                "Tokens of their prompts.",
                stats,
                now -> now.retracted().inputTokens());
        counter(
                "num_retracted_output_tokens_total",
                "Tokens that they had generated.",
                stats,
                now -> now.retracted().outputTokens());
        gauge("num_running_reqs", "Requests running.", stats, EngineStats::runningRequests);
        gauge("num_queue_reqs", "Requests waiting.", stats, EngineStats::queuedRequests);
        gauge(
                "decode_sum_seq_lens",
                "Tokens of the sequences that the last step decoded.",
                stats,
                EngineStats::decodeTokens);
        gauge(
                "new_token_ratio",
                "Share of its remaining tokens that a running request is expected to need slots for.",
                stats,
                EngineStats::newTokenRatio);
        gauge("num_used_tokens", "Cache slots held by running requests.", stats, ServerMetrics::heldTokens);
        gauge("token_usage", "Their share of all cache slots.", stats, ServerMetrics::tokenUsage);
        gauge("max_total_num_tokens", "Cache slots in all.", stats, EngineStats::kvTotalTokens);
        gauge("kv_available_tokens", "Cache slots nobody holds.", stats, EngineStats::kvAvailableTokens);
        gauge(
                "kv_evictable_tokens",
                "Cache slots held by the prefix cache alone.",
                stats,
                EngineStats::kvEvictableTokens);
        gauge("kv_used_tokens", "Cache slots held by running requests.", stats, ServerMetrics::heldTokens);
        gauge(
                "cache_hit_rate",
                "Share of prompt tokens taken from the prefix cache.",
                stats,
                EngineStats::cacheHitRate);
        gauge("gen_throughput", "Tokens generated per second.", stats, EngineStats::generationRate);
        CounterWithCallback.builder()
                .name("sglang:realtime_tokens_total")
                .help("Tokens by how they came about.")
                .labelNames(LABEL, "mode")
                .callback(callback -> {
                    EngineStats now = stats.get();
                    callback.call((double) (now.promptTokens() - now.cachedTokens()), modelName, "prefill_compute");
                    callback.call((double) now.cachedTokens(), modelName, "prefill_cache");
                    callback.call((double) now.generatedTokens(), modelName, "decode");
                })
                .register(registry);
    }

    /** How long the start took, as a whole and for the weights. */
    public void started(Duration whole, Duration weights) {
        fixed("engine_startup_time", "Seconds from the command until requests are taken.", whole);
        fixed("engine_load_weights_time", "Seconds spent on loading weights.", weights);
    }

    /** Times from submission to the first token since the start (s). */
    HistogramSnapshot.HistogramDataPointSnapshot firstTokenTimes() {
        return firstToken.collect().getDataPoints().getFirst();
    }

    /** Times between tokens since the start (s). */
    HistogramSnapshot.HistogramDataPointSnapshot timesBetweenTokens() {
        return betweenTokens.collect().getDataPoints().getFirst();
    }

    void interToken(long nanos) {
        betweenTokens.labelValues(modelName).observe(nanos / NANOS);
    }

    @Override
    public void finished(RequestTiming timing) {
        requests.labelValues(modelName).inc();
        queued.labelValues(modelName).observe(timing.queueNanos() / NANOS);
        whole.labelValues(modelName).observe(timing.totalNanos() / NANOS);
        promptTokens.labelValues(modelName).observe(timing.promptTokens());
        computedTokens.labelValues(modelName).observe((double) timing.promptTokens() - timing.cachedTokens());
        generatedTokens.labelValues(modelName).observe(timing.completionTokens());
        stage(WAITING, timing.queueNanos());
        if (timing.timeToFirstTokenNanos() > 0) {
            firstToken.labelValues(modelName).observe(timing.timeToFirstTokenNanos() / NANOS);
            stage(PREFILL, timing.timeToFirstTokenNanos() - timing.queueNanos());
            stage(DECODE, timing.totalNanos() - timing.timeToFirstTokenNanos());
        }
        if (timing.completionTokens() > 1) {
            long decoding = timing.totalNanos() - timing.timeToFirstTokenNanos();
            perToken.labelValues(modelName).observe(decoding / NANOS / (timing.completionTokens() - 1));
        }
    }

    @Override
    public void prepared(Duration time) {
        grammars.labelValues(modelName).inc();
        grammarTimes.labelValues(modelName).observe(time.toNanos() / NANOS);
    }

    @Override
    public void known() {
        grammars.labelValues(modelName).inc();
        knownGrammars.labelValues(modelName).inc();
    }

    @Override
    public void refused() {
        grammars.labelValues(modelName).inc();
        refusedGrammars.labelValues(modelName).inc();
    }

    @Override
    public void failed(String id, RequestException error) {
        requests.labelValues(modelName).inc();
    }

    @Override
    public void retracted(int number) {
        retracted.labelValues(modelName).set(number);
    }

    /** Everything in Prometheus' text format. */
    byte[] scrape() {
        var out = new ByteArrayOutputStream();
        try {
            writer.write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a byte array does not fail
        }
        return out.toByteArray();
    }

    private void stage(String name, long nanos) {
        stages.labelValues(modelName, name).observe(nanos / NANOS);
    }

    private static double[] array(List<Double> bounds) {
        return bounds.stream().mapToDouble(bound -> bound).toArray();
    }

    private static double heldTokens(EngineStats stats) {
        return stats.kvUsedTokens() - stats.kvEvictableTokens();
    }

    private static double tokenUsage(EngineStats stats) {
        return stats.kvTotalTokens() == 0 ? 0 : heldTokens(stats) / stats.kvTotalTokens();
    }

    private Histogram histogram(String name, String help, List<Double> bounds) {
        var histogram = Histogram.builder()
                .name("sglang:" + name)
                .help(help)
                .labelNames(LABEL)
                .classicOnly()
                .classicUpperBounds(array(bounds))
                .register(registry);
        histogram.initLabelValues(modelName);
        return histogram;
    }

    private Counter counter(String name, String help) {
        Counter counter = Counter.builder()
                .name("sglang:" + name)
                .help(help)
                .labelNames(LABEL)
                .register(registry);
        counter.initLabelValues(modelName);
        return counter;
    }

    private void counter(String name, String help, Supplier<EngineStats> stats, ToDoubleFunction<EngineStats> value) {
        CounterWithCallback.builder()
                .name("sglang:" + name)
                .help(help)
                .labelNames(LABEL)
                .callback(callback -> callback.call(value.applyAsDouble(stats.get()), modelName))
                .register(registry);
    }

    private void gauge(String name, String help, Supplier<EngineStats> stats, ToDoubleFunction<EngineStats> value) {
        GaugeWithCallback.builder()
                .name("sglang:" + name)
                .help(help)
                .labelNames(LABEL)
                .callback(callback -> callback.call(value.applyAsDouble(stats.get()), modelName))
                .register(registry);
    }

    private void fixed(String name, String help, Duration value) {
        GaugeWithCallback.builder()
                .name("sglang:" + name)
                .help(help)
                .labelNames(LABEL)
                .callback(callback -> callback.call(value.toNanos() / NANOS, modelName))
                .register(registry);
    }
}
