package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.http.HttpConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class LogFlagsTest {
    @TempDir
    private Path folder;

    @Test
    void logsRequestsToAFileOfTheDayInEachFolder() throws IOException {
        Path first = folder.resolve("a/deep");
        Path second = folder.resolve("b");
        var logged = log("--log-requests", "--log-requests-target", first.toString(), second.toString());
        assertThat(logged.enabled()).isTrue();
        List<String> server = serverLog(() -> {
            logged.sink().accept("one");
            logged.sink().accept("two");
        });
        assertThat(server).isEmpty();
        for (Path target : List.of(first, second)) {
            List<Path> files = files(target);
            assertThat(files).hasSize(1);
            assertThat(files.getFirst().getFileName().toString()).matches("requests-\\d{8}\\.log");
            assertThat(Files.readAllLines(files.getFirst())).containsExactly("one", "two");
        }
    }

    @Test
    void logsToTheServersLogWhereItIsToldOrNothingIsSaid() throws IOException {
        assertThat(serverLog(() -> log().sink().accept("one"))).containsExactly("one");
        var both = log("--log-requests-target", "stdout", folder.toString());
        assertThat(serverLog(() -> both.sink().accept("two"))).containsExactly("two");
        assertThat(Files.readAllLines(files(folder).getFirst())).containsExactly("two");
    }

    @Test
    void goesOnWhenTheFolderIsGone() throws IOException {
        var logged = log("--log-requests-target", folder.resolve("gone").toString());
        Files.delete(folder.resolve("gone"));
        assertThat(serverLog(() -> logged.sink().accept("one")))
                .singleElement()
                .asString()
                .startsWith("A request could not be logged to " + folder.resolve("gone"));
    }

    @Test
    void makesTheFoldersOrRefusesThem() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        for (String flag : List.of("--log-requests-target", "--crash-dump-folder")) {
            assertThatExceptionOfType(CliException.class)
                    .isThrownBy(() -> flags(flag, file.toString()).check())
                    .withMessageStartingWith(flag + " " + file + " is no folder: ");
        }
        LogFlags flags = flags("--crash-dump-folder", folder.resolve("crashes").toString());
        flags.check();
        assertThat(folder.resolve("crashes")).isDirectory();
        assertThat(flags.crashDump()).isNotNull();
        assertThat(flags().crashDump()).isNull();
    }

    private static HttpConfig.RequestLogging log(String... line) {
        LogFlags flags = flags(line);
        flags.check();
        return flags.apply(HttpConfig.builder()).build().requestLogging();
    }

    private static LogFlags flags(String... line) {
        return CommandLine.populateCommand(new LogFlags(), line);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (var found = Files.list(folder)) {
            return found.filter(Files::isRegularFile).toList();
        }
    }

    private static List<String> serverLog(Runnable action) {
        Logger logger = Logger.getLogger("dev.fathom.requests");
        List<String> lines = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                lines.add(new SimpleFormatter().formatMessage(entry));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(handler);
        logger.setLevel(Level.INFO); // other tests start servers that are silent
        try {
            action.run();
        } finally {
            logger.setLevel(null);
            logger.removeHandler(handler);
        }
        return lines;
    }
}
