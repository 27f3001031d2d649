package dev.fathom.cli;

import dev.fathom.api.RequestException;
import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.kernels.KernelException;
import dev.fathom.text.TemplateException;
import dev.fathom.text.TokenizerException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program: reads the command line, the environment and the system properties, and runs a command. */
public final class Main {
    /** Digits of the streams that are terminals; set by the launcher, which can tell. */
    private static final String TERMINALS_PROPERTY = "fathom.terminals";

    private Main() {}

    public static void main(String[] args) {
        Terminal terminal = Terminal.ofProcess(System.getProperty(TERMINALS_PROPERTY, ""));
        System.exit(run(List.of(args), terminal, System.getenv()));
    }

    /** @return the exit status: 0, 1 for a failure, 2 for a wrong command line */
    static int run(List<String> args, Terminal terminal, Map<String, String> variables) {
        try {
            FlagScreen screened = screen(args);
            return commandLine(terminal, Environment.of(variables), screened.notes())
                    .execute(screened.args().toArray(String[]::new));
        } catch (CliException e) {
            return failed(e, terminal.err());
        }
    }

    /** The server takes SGLang's command lines; the other commands have flags of their own. */
    private static FlagScreen screen(List<String> args) {
        if (args.isEmpty() || !args.getFirst().equals("serve")) {
            return new FlagScreen(args, List.of());
        }
        FlagTable table = FlagTable.load();
        return FlagScreen.of(ConfigFile.expand(args, table), table);
    }

    static CommandLine commandLine(Terminal terminal, Environment environment, List<String> notes) {
        CommandLine commandLine = new CommandLine(new Fathom())
                .addSubcommand(new ServeCommand(terminal, environment, notes))
                .addSubcommand(new ChatCommand(terminal, environment))
                .addSubcommand(new GenerateCommand(terminal, environment))
                .addSubcommand(new BenchCommand(terminal, environment))
                .addSubcommand(new DownloadCommand(terminal, environment))
                .addSubcommand(new ConvertCommand(terminal))
                .addSubcommand(new PlanCommand(terminal, environment))
                .addSubcommand(new CompileCommand(terminal, environment))
                .addSubcommand(new VersionCommand(terminal))
                .addSubcommand(new AotTrainingCommand(terminal, environment));
        for (CommandLine command : commandLine.getSubcommands().values()) {
            command.getCommandSpec().mixinStandardHelpOptions(true);
            command.getCommandSpec().versionProvider(new Version());
        }
        commandLine.setOut(writer(terminal.out()));
        commandLine.setErr(writer(terminal.err()));
        commandLine.setUsageHelpWidth(110);
        commandLine.setParameterExceptionHandler((e, words) -> wrongUsage(e, terminal.err()));
        commandLine.setExecutionExceptionHandler((e, command, result) -> executionFailed(e, terminal, environment));
        return commandLine;
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(stream, true, StandardCharsets.UTF_8);
    }

    private static int wrongUsage(ParameterException e, PrintStream err) {
        CommandLine command = e.getCommandLine();
        String sentence = e instanceof UnmatchedArgumentException unmatched
                ? unknown(unmatched.getUnmatched().getFirst(), command)
                : String.valueOf(e.getMessage());
        err.println("fathom: " + sentence);
        err.println("\"" + command.getCommandSpec().qualifiedName() + " --help\" lists the options.");
        return CliException.USAGE;
    }

    private static String unknown(String word, CommandLine command) {
        String name = word.replaceFirst("=.*", "");
        List<String> known = new ArrayList<>(command.getSubcommands().keySet());
        command.getCommandSpec().options().forEach(option -> known.addAll(List.of(option.names())));
        return "Unknown " + (name.startsWith("-") ? "option " : "word ") + name + "."
                + Spelling.nearest(name, known)
                        .map(guess -> " Did you mean " + guess + "?")
                        .orElse("");
    }

    private static int executionFailed(Exception e, Terminal terminal, Environment environment) {
        if (environment.debug()) {
            e.printStackTrace(terminal.err());
        }
        return switch (e) {
            case CliException known -> failed(known, terminal.err());
            case CheckpointException known -> failed(sentence(known), terminal.err());
            case RequestException known -> failed(sentence(known), terminal.err());
            case TokenizerException known -> failed(sentence(known), terminal.err());
            case TemplateException known -> failed(sentence(known), terminal.err());
            case KernelException known -> failed(sentence(known), terminal.err());
            case InterruptedException interrupted -> failed(CliException.failure("interrupted"), terminal.err());
            default ->
                failed(
                        CliException.failure(
                                "unexpected " + e + "; set FATHOM_DEBUG=1 to see where, and please report it."),
                        terminal.err());
        };
    }

    private static CliException sentence(RuntimeException known) {
        return CliException.failure(Objects.requireNonNullElse(known.getMessage(), known.toString()));
    }

    private static int failed(CliException e, PrintStream err) {
        err.println("fathom: " + e.getMessage());
        return e.exitCode();
    }

    /** The command without a subcommand. */
    @Command(
            name = "fathom",
            description = "Serves DeepSeek models over OpenAI's API, and talks to them.",
            versionProvider = Version.class,
            mixinStandardHelpOptions = true,
            synopsisSubcommandLabel = "COMMAND",
            footer = {
                "",
                "Examples:",
                "  fathom serve                                  the embedded model on http://127.0.0.1:30000",
                "  fathom serve --model-path /models/deepseek-v3 --host 0.0.0.0",
                "  fathom serve --model-path deepseek-ai/DeepSeek-V2-Lite        fetched from the hub",
                "  fathom chat",
                "  fathom generate --chat --prompt \"What is the capital of Norway?\"",
                "  fathom bench --num-prompts 100",
                "  fathom convert --model-path /models/v2-lite --to fp8 --output /models/v2-lite-fp8",
                "\"fathom COMMAND --help\" lists a command's options."
            })
    static final class Fathom implements Runnable {
        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private CommandSpec spec;

        @Override
        public void run() {
            throw new ParameterException(spec.commandLine(), "Which command?");
        }
    }

    /** What --version prints. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {text()};
        }

        /** From the jar's manifest. */
        static String number() {
            return Objects.requireNonNullElse(Main.class.getPackage().getImplementationVersion(), "(not packaged)");
        }

        static String text() {
            return "fathom " + number() + ", JDK " + Runtime.version() + ", " + System.getProperty("os.name") + " "
                    + System.getProperty("os.arch");
        }
    }
}
