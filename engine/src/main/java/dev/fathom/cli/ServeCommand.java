package dev.fathom.cli;

import dev.fathom.engine.EngineListener;
import dev.fathom.http.CrashDump;
import dev.fathom.http.HttpConfig;
import dev.fathom.http.HttpServer;
import dev.fathom.http.ServeContext;
import dev.fathom.http.ServerMetrics;
import dev.fathom.http.Tracing;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.serve.EngineListeners;
import dev.fathom.serve.EngineLog;
import dev.fathom.serve.Generator;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextService;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The server. Flags, names and defaults are SGLang's, as far as they are served. */
@Command(
        name = "serve",
        description = {
            "Serves a model over OpenAI's API and SGLang's own.",
            "The flags are SGLang's; --list-flags tells about the ones that are not listed here."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom serve",
            "  fathom serve --model-path deepseek-ai/DeepSeek-V2-Lite",
            "  fathom serve --model-path /models/deepseek-v3 --host 0.0.0.0 --api-key secret",
            "  fathom serve --max-total-tokens 100000 --max-running-requests 16 --schedule-policy lpm"
        })
final class ServeCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;
    private final List<String> notes;

    @Mixin
    private ModelFlags model = new ModelFlags();

    @Mixin
    private final TraceFlags traces = new TraceFlags();

    @Mixin
    private SchedulerFlags scheduler = new SchedulerFlags();

    @Mixin
    private AnswerFlags answers = new AnswerFlags();

    @Mixin
    private DefaultsFlags defaults = new DefaultsFlags();

    @Mixin
    private ListenFlags listen = new ListenFlags();

    @Mixin
    private LogFlags logs = new LogFlags();

    @Mixin
    private MetricsFlags metrics = new MetricsFlags();

    @Mixin
    private GrammarFlags grammar = new GrammarFlags();

    @Option(names = "--host", paramLabel = "HOST", description = "Default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(names = "--port", paramLabel = "PORT", description = "0 takes a free one. Default: ${DEFAULT-VALUE}.")
    private int port = 30_000;

    @Option(names = "--api-key", paramLabel = "KEY", description = "What clients must send as a bearer token.")
    private @Nullable String apiKey;

    @Option(
            names = "--admin-api-key",
            paramLabel = "KEY",
            description = "What routes for operators want instead, such as /flush_cache.")
    private @Nullable String adminApiKey;

    @Option(
            names = "--served-model-name",
            paramLabel = "NAME",
            description = "The model's name for clients. Default: what --model-path says.")
    private @Nullable String servedModelName;

    @Option(names = "--weight-version", paramLabel = "TEXT", description = "Reported with answers. Default: default.")
    private String weightVersion = "default";

    @Option(
            names = "--skip-tokenizer-init",
            description = "No tokenizer: only /generate with input_ids is served, and answers are output_ids.")
    private boolean skipTokenizer;

    @Option(
            names = "--stream-interval",
            paramLabel = "TOKENS",
            description = "Tokens in each streamed event. Default: ${DEFAULT-VALUE}.")
    private int streamInterval = 1;

    @Option(
            names = "--incremental-streaming-output",
            description = "/generate streams what is new instead of everything so far.")
    private boolean incrementalStreaming;

    @Option(names = "--enable-cache-report", description = "Usage tells how many prompt tokens were cached.")
    private boolean cacheReport;

    @Option(names = "--skip-server-warmup", description = "Start at once; the first answers are slow then.")
    private boolean skipWarmUp;

    @Option(
            names = "--warmup-seconds",
            paramLabel = "S",
            description = "The longest a warm-up takes. Default: ${DEFAULT-VALUE}.")
    private double warmUpSeconds = 20;

    @Option(
            names = "--shutdown-timeout",
            paramLabel = "S",
            description =
                    "How long running requests get to finish on SIGTERM or SIGINT; a second signal ends at once. Default: ${DEFAULT-VALUE}.")
    private double shutdownSeconds = 20; // orchestrators wait 30 s

    @Option(
            names = ConfigFile.FLAG,
            paramLabel = "FILE",
            description = "Flags from a YAML file, such as \"port: 30001\"; those of the command line win.")
    private @Nullable String configFile; // its flags are among ours already, see Main

    @Option(names = "--list-flags", description = "Print every flag of SGLang's server and what becomes of it here.")
    private boolean listFlags;

    /** @param notes about flags that were accepted because they change nothing */
    ServeCommand(Terminal terminal, Environment environment, List<String> notes) {
        this.terminal = terminal;
        this.environment = environment;
        this.notes = List.copyOf(notes);
    }

    @Override
    public Integer call() throws InterruptedException {
        if (listFlags) {
            terminal.out().print(FlagList.text(FlagTable.load()));
            return 0;
        }
        long beganNanos = System.nanoTime();
        LoadOptions options = checkedOptions();
        ServerLog log = logs.start(terminal);
        checkPort();
        options = model.fetched(options, environment, terminal);
        ModelLoader.check(options); // before a rehearsal takes the processor
        Optional<Rehearsal> rehearsal =
                skipWarmUp ? Optional.empty() : Optional.of(Rehearsal.start(options, model.kvFormat(), warmUpLimit()));
        LoadedModel loaded = LocalEngine.load(options, model, terminal);
        String name = servedModelName != null ? servedModelName : defaultName(loaded);
        ServerMetrics serverMetrics = new ServerMetrics(name, metrics.buckets());
        Tracing tracing = traces.start(name);
        CrashDump crashes = logs.crashDump();
        List<EngineListener> listeners = Stream.of(new EngineLog(logs.timeStats()), serverMetrics, tracing, crashes)
                .filter(Objects::nonNull)
                .toList();
        LocalEngine local = LocalEngine.start(loaded, model, scheduler, new EngineListeners(listeners));
        HttpServer server = startServer(local, name, serverMetrics, tracing, crashes);
        CountDownLatch ended = endOnSignal(server, local, log, tracing);
        Optional<WarmUp.Result> warmUp = warmUp(local, rehearsal);
        serverMetrics.started(Duration.ofNanos(System.nanoTime() - beganNanos), loaded.loadTime());
        server.ready();
        terminal.err().println(Banner.text(url(server.port()), name, local, warmUp, allNotes()));
        log.showSteps();
        ended.await();
        return 0;
    }

    private LoadOptions checkedOptions() {
        scheduler.check();
        answers.check();
        listen.check();
        logs.check();
        defaults.check();
        if (port < 0 || port > 65_535) {
            throw CliException.usage("--port must be in [0, 65535], got " + port + ".");
        }
        if (streamInterval < 1) {
            throw CliException.usage("--stream-interval must be at least 1, got " + streamInterval + ".");
        }
        if (!(warmUpSeconds > 0 && warmUpSeconds < 1e6)) {
            throw CliException.usage("--warmup-seconds must be positive, got " + warmUpSeconds + ".");
        }
        if (!(shutdownSeconds >= 0 && shutdownSeconds < 1e6)) {
            throw CliException.usage("--shutdown-timeout must not be negative, got " + shutdownSeconds + ".");
        }
        model.kvFormat();
        model.maxTotalTokens();
        grammar.options();
        metrics.buckets();
        traces.check();
        return model.options(environment, skipTokenizer);
    }

    /** Says that a port is taken before a large model is loaded for nothing. */
    private void checkPort() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(host), port));
        } catch (UnknownHostException e) {
            throw CliException.failure("--host " + host + " is no address of this machine.");
        } catch (IOException e) {
            throw CliException.failure("Cannot listen on " + host + ":" + port + " (" + e.getMessage()
                    + "): is another server running there? Choose another --port.");
        }
    }

    /** SGLang's default is the path as it was given. */
    private String defaultName(LoadedModel loaded) {
        return model.modelPath().orElse(loaded.modelName());
    }

    /** As it was given: where the files are is this machine's affair. */
    private String modelPath(LocalEngine local) {
        return model.modelPath().orElse(local.loaded().modelPath());
    }

    private HttpServer startServer(
            LocalEngine local,
            String name,
            ServerMetrics serverMetrics,
            @Nullable Tracing tracing,
            @Nullable CrashDump crashes) {
        boolean started = false;
        try {
            String tokenizerPath = model.tokenizerPath().orElse(modelPath(local));
            Generator generator = Generator.of(local.engine());
            ServedModel served = answers.apply(
                    local.served(name, tokenizerPath, defaults.of(local.loaded()), scheduler.priorities()));
            TextService text =
                    new TextService(served, generator, grammar.options(), environment.toolStrictness(), serverMetrics);
            HttpServer server = HttpServer.start(
                    httpConfig(local, served),
                    new ServeContext(text, generator, serverMetrics, Main.Version.number(), tracing, crashes));
            started = true;
            return server;
        } finally {
            if (!started) {
                local.close();
            }
        }
    }

    private HttpConfig httpConfig(LocalEngine local, ServedModel served) {
        HttpConfig.Builder config = listen.apply(logs.apply(HttpConfig.builder()));
        return config.host(host)
                .port(port)
                .apiKey(apiKey)
                .adminApiKey(adminApiKey)
                .enableMetrics(metrics.enabled())
                .enableCacheReport(cacheReport)
                .streamInterval(streamInterval)
                .incrementalStreaming(incrementalStreaming)
                .healthTimeout(environment.healthCheckTimeout())
                .weightVersion(weightVersion)
                .serverArguments(arguments(local, served))
                .build();
    }

    /** What /get_server_info shows, under SGLang's names. Keys are not among them. */
    private Map<String, @Nullable Object> arguments(LocalEngine local, ServedModel served) {
        var config = local.engine().config();
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
        arguments.put("config", configFile);
        arguments.put("model_path", modelPath(local));
        arguments.put("served_model_name", served.name());
        arguments.put("host", host);
        arguments.put("port", port);
        arguments.put("context_length", local.loaded().contextLength());
        arguments.put("skip_tokenizer_init", skipTokenizer);
        ReasoningFormat reasoning = served.syntax().reasoning();
        arguments.put("reasoning_parser", reasoning == null ? null : reasoning.displayName());
        ToolCallFormat toolCalls = served.syntax().toolCalls();
        arguments.put("tool_call_parser", toolCalls == null ? null : toolCalls.displayName());
        arguments.put("kv_cache_dtype", config.kvFormat().name().toLowerCase(java.util.Locale.ROOT));
        arguments.put("mem_fraction_static", model.memoryFraction());
        arguments.put("max_total_tokens", config.maxTotalTokens());
        arguments.put("max_running_requests", config.maxRunningRequests());
        arguments.put("max_queued_requests", config.queueLimit());
        arguments.put("chunked_prefill_size", config.chunkedPrefillSize());
        arguments.put("max_prefill_tokens", config.maxPrefillTokens());
        arguments.put("schedule_policy", config.policy().name().toLowerCase(java.util.Locale.ROOT));
        arguments.put("enable_priority_scheduling", config.priorityScheduling());
        scheduler.describeAdmission(arguments);
        arguments.put("page_size", config.pageSize());
        arguments.put("disable_radix_cache", !config.radixCache());
        arguments.put("allow_auto_truncate", config.allowAutoTruncate());
        arguments.put("random_seed", config.randomSeed());
        defaults.describe(arguments);
        arguments.put("stream_interval", streamInterval);
        arguments.put("enable_metrics", metrics.enabled());
        arguments.put("enable_cache_report", cacheReport);
        arguments.put("watchdog_timeout", config.watchdogTimeout().toMillis() / 1000.0);
        arguments.put("tp_size", 1);
        arguments.put("dp_size", 1);
        arguments.put("device", local.loaded().kernels().name().equals("cuda") ? "cuda" : "cpu");
        return arguments;
    }

    /**
     * On SIGTERM and SIGINT: refuse what is new, finish what runs, close. The JVM's exit status tells the signal. Another
     * signal meanwhile ends the process at once.
     */
    private CountDownLatch endOnSignal(HttpServer server, LocalEngine local, ServerLog log, @Nullable Tracing tracing) {
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("fathom-shutdown").unstarted(() -> {
                    for (Signals.Kind kind : Signals.Kind.values()) {
                        Signals.handle(kind, () -> Runtime.getRuntime().halt(kind.exitStatus()));
                    }
                    terminal.err()
                            .println(Units.format(
                                    "Shutting down: running requests get %.0f s to finish (--shutdown-timeout);"
                                            + " another signal ends at once.",
                                    shutdownSeconds));
                    server.stop(seconds(shutdownSeconds));
                    local.close();
                    if (tracing != null) {
                        tracing.close();
                    }
                    log.close();
                    ended.countDown();
                }));
        return ended;
    }

    private Duration warmUpLimit() {
        return seconds(warmUpSeconds);
    }

    private static Duration seconds(double seconds) {
        return Duration.ofMillis((long) (seconds * 1000));
    }

    private Optional<WarmUp.Result> warmUp(LocalEngine local, Optional<Rehearsal> rehearsal)
            throws InterruptedException {
        if (rehearsal.isEmpty()) {
            return Optional.empty();
        }
        ProgressBar bar = new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Warming up", System::nanoTime);
        double limit = warmUpLimit().toNanos() / 1e9;
        while (!rehearsal.get().ended(Duration.ofMillis(100))) {
            bar.update(bar.elapsedSeconds() / limit, "compiling on a small model");
        }
        WarmUp.Result result = WarmUp.run(
                local,
                warmUpLimit(),
                (share, decode, prefill) -> bar.update(
                        share, Units.format("decode %.0f tokens/s, prefill %.0f tokens/s", decode, prefill)));
        bar.finish(Units.format("Warmed up in %.1f s.", bar.elapsedSeconds()));
        return Optional.of(result);
    }

    private List<String> allNotes() {
        List<String> all = new ArrayList<>(notes);
        all.addAll(environment.notes());
        return all;
    }

    private String url(int boundPort) {
        String shown = host.equals("0.0.0.0") || host.equals("::") ? "127.0.0.1" : host;
        return listen.scheme() + "://" + (shown.contains(":") ? "[" + shown + "]" : shown) + ":" + boundPort;
    }
}
