package dev.fathom.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** Load against a running server; flags and figures as SGLang's bench_serving has them. */
@Command(
        name = "bench",
        description = "Measures throughput and latency of a running server.",
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom bench --num-prompts 100 --random-input-len 512 --random-output-len 128",
            "  fathom bench --base-url http://host:30000 --request-rate 4 --max-concurrency 32"
        })
final class BenchCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            description = "sglang (/generate) or sglang-oai (/v1/completions).")
    private String backend = "sglang";

    @Option(names = "--base-url", paramLabel = "URL", description = "The server; otherwise --host and --port.")
    private @Nullable String baseUrl;

    @Option(names = "--host", paramLabel = "HOST", description = "Default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(names = "--port", paramLabel = "PORT", description = "Default: ${DEFAULT-VALUE}.")
    private int port = 30000;

    @Option(names = "--api-key", paramLabel = "KEY", description = "Default: the variable OPENAI_API_KEY.")
    private @Nullable String apiKey;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "The model's name in requests. Default: what the server says.")
    private @Nullable String model;

    @Option(names = "--dataset-name", paramLabel = "NAME", description = "random is the one there is.")
    private String dataset = "random";

    @Option(names = "--num-prompts", paramLabel = "N", description = "Requests. Default: ${DEFAULT-VALUE}.")
    private int prompts = 100;

    @Option(
            names = "--random-input-len",
            paramLabel = "N",
            description = "Most prompt tokens. Default: ${DEFAULT-VALUE}.")
    private int inputLength = 512;

    @Option(
            names = "--random-output-len",
            paramLabel = "N",
            description = "Most generated tokens. Default: ${DEFAULT-VALUE}.")
    private int outputLength = 128;

    @Option(
            names = "--random-range-ratio",
            paramLabel = "R",
            description = "Lengths are drawn from [R * length, length]; 1 fixes them. Default: ${DEFAULT-VALUE}.")
    private double rangeRatio = 0;

    @Option(
            names = "--random-vocab-size",
            paramLabel = "N",
            description = "Prompt ids are below N. Default: ${DEFAULT-VALUE}, which fits every model served.")
    private int vocabulary = 4000;

    @Option(names = "--request-rate", paramLabel = "R", description = "Requests a second, or inf. Default: inf.")
    private String requestRate = "inf";

    @Option(
            names = "--max-concurrency",
            paramLabel = "N",
            description = "Requests under way at a time. Default: no limit.")
    private int maxConcurrency;

    @Option(
            names = "--warmup-requests",
            paramLabel = "N",
            description = "Sent before, not measured. Default: ${DEFAULT-VALUE}.")
    private int warmupRequests = 1;

    @Option(names = "--flush-cache", description = "Empty the server's prefix cache before.")
    private boolean flushCache;

    @Option(names = "--disable-ignore-eos", description = "Let answers end where the model ends them.")
    private boolean disableIgnoreEos;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Fixes prompts and arrival times. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(names = "--output-file", paramLabel = "FILE", description = "Append the figures as a line of JSON.")
    private @Nullable Path outputFile;

    BenchCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        if (!dataset.equals("random")) {
            throw CliException.usage(
                    "--dataset-name " + dataset + " is not supported in this version: only random is.");
        }
        BenchPlan plan = BenchPlan.random(settings(prompts));
        BenchPlan warmUp = BenchPlan.random(settings(Math.max(1, warmupRequests)));
        String url = baseUrl == null ? "http://" + host + ":" + port : baseUrl;
        Optional<String> key = apiKey == null ? environment.apiKey() : Optional.of(apiKey);
        int concurrency = maxConcurrency > 0 ? maxConcurrency : Integer.MAX_VALUE;
        try (ServerClient client = new ServerClient(url, key)) {
            BenchRun run = new BenchRun(client, BenchBackend.of(backend), modelName(client), !disableIgnoreEos);
            if (warmupRequests > 0) {
                failOnError(run.run(warmUp, 1, done -> {}));
            }
            if (flushCache) {
                client.get("/flush_cache");
            }
            ProgressBar bar = new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Requests", System::nanoTime);
            BenchRun.Outcome outcome =
                    run.run(plan, concurrency, done -> bar.update((double) done / prompts, done + " of " + prompts));
            bar.finish("Requests: " + prompts + " done.");
            return report(outcome);
        }
    }

    private int report(BenchRun.Outcome outcome) {
        BenchReport report = new BenchReport(outcome);
        terminal.out().print(report.text(header()));
        if (outputFile != null) {
            append(outputFile, report);
        }
        if (report.failed() > 0) {
            String first = outcome.results().stream()
                    .flatMap(result -> result.error().stream())
                    .findFirst()
                    .orElseThrow();
            throw CliException.failure(report.failed() + " of " + prompts + " requests failed; the first: " + first);
        }
        return 0;
    }

    private static void failOnError(BenchRun.Outcome warmUp) {
        for (BenchResult result : warmUp.results()) {
            if (result.error().isPresent()) {
                throw CliException.failure(result.error().get());
            }
        }
    }

    private BenchPlan.Settings settings(int count) {
        return new BenchPlan.Settings(count, inputLength, outputLength, rangeRatio, rate(), vocabulary, seed);
    }

    private double rate() {
        if (requestRate.equals("inf")) {
            return Double.POSITIVE_INFINITY;
        }
        try {
            return Double.parseDouble(requestRate);
        } catch (NumberFormatException e) {
            throw CliException.usage("--request-rate must be a number or inf, got " + requestRate + ".");
        }
    }

    private String modelName(ServerClient client) throws InterruptedException {
        return model == null
                ? client.get("/v1/models").path("data").path(0).path("id").asString("default")
                : model;
    }

    private Map<String, String> header() {
        Map<String, String> header = new LinkedHashMap<>();
        header.put("Backend:", backend);
        header.put("Traffic request rate:", requestRate);
        header.put("Max request concurrency:", maxConcurrency > 0 ? Integer.toString(maxConcurrency) : "not set");
        return header;
    }

    private void append(Path file, BenchReport report) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("backend", backend);
        line.put("dataset_name", dataset);
        line.put("request_rate", requestRate);
        line.put("max_concurrency", maxConcurrency > 0 ? maxConcurrency : "not set");
        line.put("random_input_len", inputLength);
        line.put("random_output_len", outputLength);
        line.put("random_range_ratio", rangeRatio);
        line.putAll(report.figures());
        try {
            Files.writeString(
                    file,
                    new JsonMapper().writeValueAsString(line) + "\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw CliException.failure("The figures could not be written to " + file + ": " + e.getMessage());
        }
    }
}
