package dev.fathom.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/** The figures of a benchmark, with bench_serving's names, definitions and layout. */
final class BenchReport {
    private static final int WIDTH = 50;

    private final double duration;
    private final List<BenchResult> completed;
    private final int failed;
    private final Statistics latency;
    private final Statistics firstToken;
    private final Statistics perToken;
    private final Statistics intervals;

    BenchReport(BenchRun.Outcome outcome) {
        this.duration = outcome.duration();
        this.completed = outcome.results().stream()
                .filter(result -> result.error().isEmpty())
                .toList();
        this.failed = outcome.results().size() - completed.size();
        this.latency = Statistics.of(
                completed.stream().mapToDouble(r -> r.latency() * 1e3).toArray());
        this.firstToken = Statistics.of(
                completed.stream().mapToDouble(r -> r.firstToken() * 1e3).toArray());
        this.perToken = Statistics.of(completed.stream()
                .filter(r -> r.outputTokens() > 1)
                .mapToDouble(r -> (r.latency() - r.firstToken()) / (r.outputTokens() - 1) * 1e3)
                .toArray());
        this.intervals = Statistics.of(completed.stream()
                .flatMapToDouble(r -> DoubleStream.of(r.tokenIntervals()))
                .map(seconds -> seconds * 1e3)
                .toArray());
    }

    int failed() {
        return failed;
    }

    private long inputTokens() {
        return completed.stream().mapToLong(BenchResult::inputTokens).sum();
    }

    private long outputTokens() {
        return completed.stream().mapToLong(BenchResult::outputTokens).sum();
    }

    /** Requests under way on average. */
    private double concurrency() {
        return completed.stream().mapToDouble(BenchResult::latency).sum() / duration;
    }

    /** @param header lines above the figures: what was asked for */
    String text(Map<String, String> header) {
        StringBuilder text = new StringBuilder();
        text.append(centered(" Serving Benchmark Result ", '=')).append('\n');
        header.forEach((name, value) -> row(text, name, value));
        row(text, "Successful requests:", Integer.toString(completed.size()));
        if (failed > 0) {
            row(text, "Failed requests:", Integer.toString(failed));
        }
        row(text, "Benchmark duration (s):", number(duration));
        row(text, "Total input tokens:", Long.toString(inputTokens()));
        row(text, "Total generated tokens:", Long.toString(outputTokens()));
        row(text, "Request throughput (req/s):", number(completed.size() / duration));
        row(text, "Input token throughput (tok/s):", number(inputTokens() / duration));
        row(text, "Output token throughput (tok/s):", number(outputTokens() / duration));
        row(text, "Total token throughput (tok/s):", number((inputTokens() + outputTokens()) / duration));
        row(text, "Concurrency:", number(concurrency()));
        section(text, "End-to-End Latency", "E2E Latency", latency, List.of(90.0, 99.0));
        section(text, "Time to First Token", "TTFT", firstToken, List.of(99.0));
        section(text, "Time per Output Token (excl. 1st token)", "TPOT", perToken, List.of(99.0));
        section(text, "Inter-Token Latency", "ITL", intervals, List.of(95.0, 99.0));
        row(text, "Max ITL (ms):", number(intervals.max()));
        return text.append("=".repeat(WIDTH)).append('\n').toString();
    }

    private static void section(
            StringBuilder text, String title, String name, Statistics figures, List<Double> percentiles) {
        text.append(centered(title, '-')).append('\n');
        row(text, "Mean " + name + " (ms):", number(figures.mean()));
        row(text, "Median " + name + " (ms):", number(figures.median()));
        for (double percent : percentiles) {
            row(text, Units.format("P%.0f %s (ms):", percent, name), number(figures.percentile(percent)));
        }
    }

    private static void row(StringBuilder text, String name, String value) {
        text.append(Units.format("%-40s %-10s", name, value).stripTrailing()).append('\n');
    }

    private static String number(double value) {
        return Units.format("%.2f", value);
    }

    private static String centered(String title, char fill) {
        int left = (WIDTH - title.length()) / 2;
        String side = Character.toString(fill);
        return side.repeat(left) + title + side.repeat(WIDTH - title.length() - left);
    }

    /** The line bench_serving appends to its output file. */
    Map<String, Object> figures() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("duration", duration);
        line.put("completed", completed.size());
        line.put("failed", failed);
        line.put("total_input_tokens", inputTokens());
        line.put("total_output_tokens", outputTokens());
        line.put("request_throughput", completed.size() / duration);
        line.put("input_throughput", inputTokens() / duration);
        line.put("output_throughput", outputTokens() / duration);
        line.put("total_throughput", (inputTokens() + outputTokens()) / duration);
        line.put("concurrency", concurrency());
        put(line, "e2e_latency", latency);
        put(line, "ttft", firstToken);
        put(line, "tpot", perToken);
        put(line, "itl", intervals);
        return line;
    }

    private static void put(Map<String, Object> line, String name, Statistics figures) {
        line.put("mean_" + name + "_ms", figures.mean());
        line.put("median_" + name + "_ms", figures.median());
        line.put("std_" + name + "_ms", figures.deviation());
        line.put("p90_" + name + "_ms", figures.percentile(90));
        line.put("p95_" + name + "_ms", figures.percentile(95));
        line.put("p99_" + name + "_ms", figures.percentile(99));
    }
}
