package dev.fathom.cli;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A conversation on the terminal. */
@Command(
        name = "chat",
        description = "Talks with a model in the terminal: one loaded here, or a running server's.",
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom chat",
            "  fathom chat --model-path /models/deepseek-v3 --temperature 0.3",
            "  fathom chat --base-url http://127.0.0.1:30000",
            "  echo \"What is the capital of Norway?\" | fathom chat"
        })
final class ChatCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;

    @Mixin
    private ModelFlags model = new ModelFlags();

    @Mixin
    private SamplingFlags sampling = new SamplingFlags();

    @Option(names = "--system", paramLabel = "TEXT", description = "The system message.")
    private @Nullable String system;

    @Option(names = "--base-url", paramLabel = "URL", description = "Talk to this server instead of loading a model.")
    private @Nullable String baseUrl;

    @Option(names = "--api-key", paramLabel = "KEY", description = "Default: the variable OPENAI_API_KEY.")
    private @Nullable String apiKey;

    ChatCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        try (ChatBackend backend = backend()) {
            ChatLoop loop = new ChatLoop(terminal, backend, sampling.settings(), Optional.ofNullable(system));
            Signals.handle(Signals.Kind.INT, () -> {
                if (!loop.interrupt()) {
                    Runtime.getRuntime().exit(Signals.Kind.INT.exitStatus());
                }
            });
            loop.run();
        }
        return 0;
    }

    private ChatBackend backend() throws InterruptedException {
        if (baseUrl == null) {
            return terminal.inputIsTerminal()
                    ? LocalText.startWarmingUp(model, environment, terminal)
                    : LocalText.start(model, environment, terminal);
        }
        Optional<String> key = apiKey == null ? environment.apiKey() : Optional.of(apiKey);
        return new RemoteChat(new ServerClient(baseUrl, key));
    }
}
