package dev.fathom.cli;

import dev.fathom.http.CrashDump;
import dev.fathom.http.HttpConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the server logs: flags of the server. */
final class LogFlags {
    private static final String STDOUT = "stdout";

    @Option(names = "--log-level", paramLabel = "NAME", description = "Default: ${DEFAULT-VALUE}.")
    private String level = "info";

    @Option(
            names = "--log-level-http",
            paramLabel = "NAME",
            description = "Of the access log and the HTTP server. Default: as --log-level.")
    private @Nullable String httpLevel;

    @Option(
            names = "--uvicorn-access-log-exclude-prefixes",
            paramLabel = "PREFIX",
            arity = "0..*",
            description = "Paths that begin so are not in the access log, such as /health /metrics.")
    private List<String> accessLogExcluded = new ArrayList<>();

    @Option(names = "--log-requests", description = "Log requests and their answers.")
    private boolean requests;

    @Option(
            names = "--log-requests-level",
            paramLabel = "0..3",
            description = "0 who asked, 1 and how to choose tokens, 2 and parts of the texts, 3 and all of them."
                    + " Default: ${DEFAULT-VALUE}.")
    private int requestsLevel = 2;

    @Option(
            names = "--log-requests-format",
            paramLabel = "NAME",
            description = "text, or json: one object a line. Default: ${DEFAULT-VALUE}.")
    private String requestsFormat = "text";

    @Option(
            names = "--log-requests-target",
            paramLabel = "TARGET",
            arity = "1..*",
            description = "stdout (the server's log), folders for a file each day, or both. Default: stdout.")
    private List<String> requestsTargets = new ArrayList<>();

    @Option(
            names = "--enable-request-time-stats-logging",
            description = "Log for each request how long it waited, read and wrote.")
    private boolean timeStats;

    @Option(
            names = "--crash-dump-folder",
            paramLabel = "DIR",
            description =
                    "Where the requests of the last five minutes are written when the engine breaks. Default: nowhere.")
    private @Nullable Path crashDumpFolder;

    /** Refuses wrong values before a large model is loaded for nothing. */
    void check() {
        ServerLog.level(level);
        if (httpLevel != null) {
            ServerLog.level("--log-level-http", httpLevel);
        }
        if (requestsLevel < 0 || requestsLevel > 3) {
            throw CliException.usage("--log-requests-level must be in [0, 3], got " + requestsLevel + ".");
        }
        if (!requestsFormat.equals("text") && !requestsFormat.equals("json")) {
            throw CliException.usage("--log-requests-format must be text or json, got " + requestsFormat + ".");
        }
        requestsTargets.stream()
                .filter(target -> !target.equals(STDOUT))
                .forEach(target -> makeFolder("--log-requests-target", target));
        if (crashDumpFolder != null) {
            makeFolder("--crash-dump-folder", crashDumpFolder.toString());
        }
    }

    private static void makeFolder(String flag, String folder) {
        try {
            Files.createDirectories(Path.of(folder));
        } catch (IOException | RuntimeException e) {
            throw CliException.usage(flag + " " + folder + " is no folder: " + e + ".");
        }
    }

    ServerLog start(Terminal terminal) {
        return ServerLog.start(level, httpLevel == null ? level : httpLevel, terminal.err());
    }

    /** Null where requests are not kept. */
    @Nullable
    CrashDump crashDump() {
        return crashDumpFolder == null ? null : new CrashDump(crashDumpFolder, Main.Version.number());
    }

    boolean timeStats() {
        return timeStats;
    }

    HttpConfig.Builder apply(HttpConfig.Builder config) {
        boolean json = requestsFormat.equals("json");
        var toLog = HttpConfig.RequestLogging.toLog(requests, requestsLevel, json);
        Consumer<String> sink = requestsTargets.isEmpty() ? toLog.sink() : line -> {};
        for (String target : requestsTargets) {
            sink = sink.andThen(target.equals(STDOUT) ? toLog.sink() : new DailyFile(Path.of(target)));
        }
        return config.accessLogExcluded(accessLogExcluded)
                .requestLogging(new HttpConfig.RequestLogging(requests, requestsLevel, json, sink));
    }

    /** A file for each day; what cannot be written is said once a line in the server's log, and nobody waits for it. */
    private record DailyFile(Path folder) implements Consumer<String> {
        private static final System.Logger LOG = System.getLogger("dev.fathom.requests");

        @Override
        public void accept(String line) {
            LocalDate day = LocalDate.now(ZoneId.systemDefault());
            Path file = folder.resolve("requests-" + day.format(DateTimeFormatter.BASIC_ISO_DATE) + ".log");
            try {
                Files.write(
                        file,
                        (line + "\n").getBytes(StandardCharsets.UTF_8),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "A request could not be logged to {0}: {1}", file, e);
            }
        }
    }
}
