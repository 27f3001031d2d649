package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import dev.fathom.engine.Admission;
import dev.fathom.serve.Fathom;
import dev.fathom.serve.FathomOptions;
import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;
import dev.fathom.serve.ToolStrictness;
import dev.fathom.text.grammar.GrammarOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What /metrics says after real requests, and that the dashboard asks for nothing else. */
class MetricsTest {
    private static final String COMPLETION =
            "{\"prompt\": \"One two three four five six seven eight\", \"max_tokens\": 5, \"ignore_eos\": true}";
    private static final Admission HOPEFUL = new Admission(OptionalInt.empty(), 0, OptionalInt.empty());
    private static final Pattern NAME = Pattern.compile("sglang:[a-z0-9_]+");

    @Test
    void countsWhatRealRequestsDid() {
        var metrics = new ServerMetrics("nano");
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED.withListener(metrics));
                var server = start(fathom, metrics)) {
            server.post("/v1/completions", COMPLETION);
            server.post("/v1/completions", COMPLETION);
            metrics.started(Duration.ofSeconds(3), Duration.ofSeconds(2));
            Map<String, Double> values = values(server.get("/metrics").body());
            var stats = fathom.engine().stats();
            assertThat(values)
                    .containsEntry("sglang:num_requests_total", 2.0)
                    .containsEntry("sglang:generation_tokens_total", 10.0)
                    .containsEntry("sglang:prompt_tokens_total", (double) stats.promptTokens())
                    .containsEntry("sglang:cached_tokens_total", (double) stats.cachedTokens())
                    .containsEntry("sglang:num_aborted_requests_total", 0.0)
                    .containsEntry("sglang:num_running_reqs", 0.0)
                    .containsEntry("sglang:kv_used_tokens", 0.0)
                    .containsEntry("sglang:kv_evictable_tokens", (double) stats.kvEvictableTokens())
                    .containsEntry("sglang:time_to_first_token_seconds_count", 2.0)
                    .containsEntry("sglang:inter_token_latency_seconds_count", 8.0)
                    .containsEntry("sglang:e2e_request_latency_seconds_count", 2.0)
                    .containsEntry("sglang:queue_time_seconds_count", 2.0)
                    .containsEntry("sglang:generation_tokens_histogram_sum", 10.0)
                    .containsEntry("sglang:prompt_tokens_histogram_sum", (double) stats.promptTokens())
                    .containsEntry(
                            "sglang:uncached_prompt_tokens_histogram_sum",
                            (double) stats.promptTokens() - stats.cachedTokens())
                    .containsEntry("sglang:engine_startup_time", 3.0)
                    .containsEntry("sglang:engine_load_weights_time", 2.0);
            assertThat(stats.cachedTokens()).isPositive();
            double slots = value(values, "sglang:kv_used_tokens")
                    + value(values, "sglang:kv_evictable_tokens")
                    + value(values, "sglang:kv_available_tokens");
            assertThat(slots).isEqualTo(value(values, "sglang:max_total_num_tokens"));
            double stages = 0;
            for (String stage : Set.of("prefill_waiting", "prefill_forward", "decode_forward")) {
                assertThat(values).containsEntry("sglang:per_stage_req_latency_seconds_count/" + stage, 2.0);
                stages += value(values, "sglang:per_stage_req_latency_seconds_sum/" + stage);
            }
            assertThat(stages).isCloseTo(value(values, "sglang:e2e_request_latency_seconds_sum"), offset(1e-6));
        }
    }

    @Test
    void hasEveryMetricThatTheDashboardShows() throws IOException {
        String dashboard = Files.readString(Path.of("../monitoring/grafana/dashboards/fathom.json"));
        var metrics = new ServerMetrics("nano");
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED.withListener(metrics));
                var server = start(fathom, metrics)) {
            server.post("/v1/completions", COMPLETION);
            Set<String> served = new TreeSet<>();
            Matcher names = NAME.matcher(server.get("/metrics").body());
            while (names.find()) {
                served.add(names.group());
            }
            Set<String> shown = new TreeSet<>();
            Matcher asked = NAME.matcher(dashboard);
            while (asked.find()) {
                shown.add(asked.group());
            }
            assertThat(shown).hasSizeGreaterThan(20);
            assertThat(served).containsAll(shown);
        }
    }

    /** SGLang's metrics (0.5), each served or absent for a reason that the page gives. */
    @Test
    void servesOrExplainsEveryMetricOfSglang() throws IOException {
        Set<String> wanted = new TreeSet<>(Files.readAllLines(Path.of("src/test/resources/golden/sglang-metrics.txt")));
        String page = Files.readString(Path.of("../monitoring/README.md"));
        String absent = page.substring(page.indexOf("| absent |"));
        var metrics = new ServerMetrics("nano");
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED.withListener(metrics));
                var server = start(fathom, metrics)) {
            server.post("/v1/completions", COMPLETION);
            metrics.started(Duration.ofSeconds(3), Duration.ofSeconds(2));
            String served = server.get("/metrics").body();
            assertThat(wanted).hasSizeGreaterThan(50).allSatisfy(name -> {
                boolean here = Pattern.compile("sglang:" + name + "(_count)?\\{")
                        .matcher(served)
                        .find();
                boolean explained = Pattern.compile("`([a-z_]+)(\\*?)`")
                        .matcher(absent)
                        .results()
                        .anyMatch(found -> found.group(2).isEmpty()
                                ? found.group(1).equals(name)
                                : name.startsWith(found.group(1)));
                assertThat(here)
                        .as(name + " is served, or its absence explained, and not both")
                        .isNotEqualTo(explained);
                assertThat(page.contains("`" + name + "`") || explained)
                        .as(name + " is on the page")
                        .isTrue();
            });
        }
    }

    @Test
    void countsGrammars() {
        var metrics = new ServerMetrics("nano");
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED.withListener(metrics))) {
            Generator generator = Generator.of(fathom.engine());
            var text = new TextService(
                    fathom.model(), generator, GrammarOptions.DEFAULT, ToolStrictness.REQUESTED, metrics);
            try (var server = TestServer.of(text, generator, metrics, config -> config.enableMetrics(true))) {
                String regex = COMPLETION.replace("}", ", \"regex\": \"%s\"}");
                server.post("/v1/completions", regex.formatted("[ab]+"));
                server.post("/v1/completions", regex.formatted("[ab]+"));
                server.post("/v1/completions", regex.formatted("("));
                assertThat(values(server.get("/metrics").body()))
                        .containsEntry("sglang:num_grammar_total", 3.0)
                        .containsEntry("sglang:num_grammar_cache_hit_total", 1.0)
                        .containsEntry("sglang:num_grammar_aborted_total", 1.0)
                        .containsEntry("sglang:grammar_compilation_time_seconds_count", 1.0);
            }
        }
    }

    @Test
    void countsWhatIsRetractedAndDecoded() throws Exception {
        var metrics = new ServerMetrics("nano");
        var sums = new ArrayList<Double>();
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED
                        .withListener(metrics)
                        .withEngine(config -> config.withMaxTotalTokens(64).withAdmission(HOPEFUL)));
                var server = start(fathom, metrics)) {
            String body =
                    "{\"prompt\": [[5, 6, 7], [8, 9, 10], [11, 12, 13]], \"max_tokens\": 40, \"ignore_eos\": true}";
            var answer = CompletableFuture.supplyAsync(() -> server.post("/v1/completions", body));
            while (!answer.isDone()) {
                sums.add(value(values(server.get("/metrics").body()), "sglang:decode_sum_seq_lens"));
                Thread.sleep(2); // the engine wants the processor, too
            }
            assertThat(answer.get().status()).isEqualTo(200);
            Map<String, Double> values = values(server.get("/metrics").body());
            var retracted = fathom.engine().stats().retracted();
            assertThat(retracted.requests()).isPositive();
            assertThat(values)
                    .containsEntry("sglang:num_retracted_requests_total", (double) retracted.requests())
                    .containsEntry("sglang:num_retracted_input_tokens_total", 3.0 * retracted.requests())
                    .containsEntry("sglang:num_retracted_output_tokens_total", (double) retracted.outputTokens());
            assertThat(value(values, "sglang:new_token_ratio")).isBetween(0.0, 1.0);
            assertThat(sums).allMatch(sum -> sum >= 0 && sum <= 64);
            assertThat(value(values, "sglang:decode_sum_seq_lens")).isZero();
        }
    }

    @Test
    void takesTheBucketsItIsTold() {
        var metrics = new ServerMetrics(
                "nano",
                new MetricBuckets(List.of(0.5, 7d), List.of(0.25), List.of(3d, 9d), List.of(11d), List.of(22d, 33d)));
        try (Fathom fathom = Fathom.load(FathomOptions.EMBEDDED.withListener(metrics));
                var server = start(fathom, metrics)) {
            String served = server.get("/metrics").body();
            assertThat(bounds(served, "time_to_first_token_seconds")).containsExactly("0.5", "7.0", "+Inf");
            assertThat(bounds(served, "inter_token_latency_seconds")).containsExactly("0.25", "+Inf");
            assertThat(bounds(served, "e2e_request_latency_seconds")).containsExactly("3.0", "9.0", "+Inf");
            assertThat(bounds(served, "prompt_tokens_histogram")).containsExactly("11.0", "+Inf");
            assertThat(bounds(served, "uncached_prompt_tokens_histogram")).containsExactly("11.0", "+Inf");
            assertThat(bounds(served, "generation_tokens_histogram")).containsExactly("22.0", "33.0", "+Inf");
        }
    }

    private static List<String> bounds(String metrics, String name) {
        return Pattern.compile("sglang:" + name + "_bucket\\{[^}]*le=\"([^\"]+)\"")
                .matcher(metrics)
                .results()
                .map(found -> found.group(1))
                .toList();
    }

    private static TestServer start(Fathom fathom, ServerMetrics metrics) {
        var server = TestServer.starting(
                fathom.model(), Generator.of(fathom.engine()), metrics, config -> config.enableMetrics(true));
        server.server.ready();
        return server;
    }

    private static double value(Map<String, Double> values, String name) {
        return Objects.requireNonNull(values.get(name), () -> name + " is missing among " + values.keySet());
    }

    /** Values by name; where there is a stage, by name and stage. Buckets are left out. */
    private static Map<String, Double> values(String metrics) {
        Pattern line = Pattern.compile("(sglang:[a-z0-9_]+)\\{(?:.*stage=\"([a-z_]+)\")?.*} (\\S+)");
        Map<String, Double> values = new TreeMap<>();
        metrics.lines().map(line::matcher).filter(Matcher::matches).forEach(found -> {
            String stage = found.group(2) == null ? "" : "/" + found.group(2);
            if (!found.group(1).endsWith("_bucket")) {
                values.put(found.group(1) + stage, Double.parseDouble(found.group(3)));
            }
        });
        return values;
    }
}
