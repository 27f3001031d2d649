package dev.fathom.cli;

import dev.fathom.http.HttpConfig;
import dev.fathom.http.HttpServer;
import dev.fathom.http.ServeContext;
import dev.fathom.http.ServerMetrics;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.serve.EngineListeners;
import dev.fathom.serve.EngineLog;
import dev.fathom.serve.Generator;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.TextService;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * What the launcher runs under {@code -XX:AOTCacheOutput} after a build: a server with the embedded model, a few
 * requests of each kind, the end. The JVM keeps what that loaded and linked for later starts.
 */
@Command(name = "aot-training", hidden = true, description = "A short session for the JDK's AOT cache.")
final class AotTrainingCommand implements Callable<Integer> {
    private static final ChatBackend.Settings SHORT = new ChatBackend.Settings(false, 16, 0f, null, null, null);

    private static final Duration WARM_UP = Duration.ofSeconds(2);

    private final Terminal terminal;
    private final Environment environment;

    AotTrainingCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        ModelFlags flags = new ModelFlags();
        SchedulerFlags scheduler = new SchedulerFlags();
        ServerLog log = ServerLog.start("info", "info", terminal.err());
        LoadOptions options = flags.options(environment, false);
        Rehearsal rehearsal = Rehearsal.start(options, flags.kvFormat(), WARM_UP);
        LoadedModel loaded = LocalEngine.load(options, flags, terminal);
        ServerMetrics metrics = new ServerMetrics("nano");
        try (LocalEngine local =
                LocalEngine.start(loaded, flags, scheduler, new EngineListeners(List.of(new EngineLog(), metrics)))) {
            Generator generator = Generator.of(local.engine());
            TextService text = new TextService(
                    local.served("nano", loaded.modelPath(), SamplingFields.of(loaded.generationDefaults()), false),
                    generator);
            rehearsal.ended(WARM_UP);
            WarmUp.Result warmUp = WarmUp.run(local, WARM_UP, (share, decodeRate, prefillRate) -> {});
            log.showSteps();
            try (HttpServer server = HttpServer.start(
                    HttpConfig.builder().port(0).build(),
                    new ServeContext(text, generator, metrics, Main.Version.number()))) {
                server.ready();
                String url = "http://127.0.0.1:" + server.port();
                requests(url);
                terminal.err().println(Banner.text(url, "nano", local, Optional.of(warmUp), List.of()));
            }
        }
        return 0;
    }

    private void requests(String url) throws InterruptedException {
        try (RemoteChat chat = new RemoteChat(new ServerClient(url, Optional.empty()))) {
            for (String question : List.of("Who are you?", "What is 12 + 30?")) {
                chat.answer(
                        List.of(new ChatBackend.Message("user", question)),
                        SHORT,
                        new Cancellation(),
                        ChatBackend.Sink.NONE);
            }
        }
        try (ServerClient client = new ServerClient(url, Optional.empty())) {
            client.get("/health");
            client.get("/get_model_info");
            client.get("/get_server_info");
            var json = new tools.jackson.databind.json.JsonMapper();
            Map<String, Object> once = Map.of("temperature", 0, "max_new_tokens", 8);
            client.post("/generate", json.valueToTree(Map.of("text", "Once upon a time", "sampling_params", once)));
            client.post(
                    "/v1/completions",
                    json.valueToTree(Map.of("model", "nano", "prompt", "Once", "temperature", 0, "max_tokens", 8)));
            client.post(
                    "/v1/chat/completions",
                    json.valueToTree(Map.of(
                            "model",
                            "nano",
                            "messages",
                            List.of(Map.of("role", "user", "content", "Who are you?")),
                            "logprobs",
                            true,
                            "top_logprobs",
                            2,
                            "max_tokens",
                            8)));
        }
    }
}
