package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.fathom.checkpoint.hub.HubServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/deepseek.md: its commands are parsed by the program, those that can run on the embedded model run, its errors exist. */
@Tag("slow")
class DeepSeekPageTest {
    private static final Path PAGE = Path.of("../docs/deepseek.md");
    private static final Path SOURCES = Path.of("src/main/java");
    private static final Path NANO = Path.of("src/main/resources/models/nano");
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)");

    @TempDir
    private Path folder;

    private static List<List<String>> commands() throws IOException {
        List<List<String>> commands = new ArrayList<>();
        boolean code = false;
        for (String line : Files.readAllLines(PAGE)) {
            if (line.startsWith("```")) {
                code = !code;
            } else if (code) {
                assertThat(line).startsWith("fathom ");
                List<String> words = WORD.matcher(line)
                        .results()
                        .map(result -> first(result))
                        .toList();
                commands.add(words.subList(1, words.size()));
            }
        }
        return commands;
    }

    private static String first(MatchResult result) {
        return Stream.of(1, 2, 3)
                .map(group -> String.valueOf(result.group(group)))
                .filter(text -> !text.equals("null"))
                .findFirst()
                .orElse("");
    }

    @Test
    void showsCommandsThatTheProgramUnderstands() throws IOException {
        List<List<String>> commands = commands();
        assertThat(commands).hasSizeGreaterThan(12);
        for (List<String> command : commands) {
            assertThatCode(() -> {
                        List<String> screened = command.getFirst().equals("serve")
                                ? FlagScreen.of(command, FlagTable.load()).args()
                                : command;
                        CommandRunner runner = new CommandRunner();
                        Main.commandLine(runner.terminal(), Environment.of(Map.of("HOME", "/home/me")), List.of())
                                .parseArgs(screened.toArray(String[]::new));
                    })
                    .as(String.join(" ", command))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void showsCommandsThatRun() throws IOException {
        try (HubServer hub = HubServer.ofFolder(NANO)) {
            Map<String, String> variables =
                    Map.of("HF_ENDPOINT", hub.endpoint().toString(), "HF_HOME", folder.toString());
            int run = 0;
            for (List<String> command : commands()) {
                if (List.of("download", "generate", "plan").contains(command.getFirst())
                        && !command.contains("--all")) {
                    CommandRunner runner = new CommandRunner();
                    int status = Main.run(onNano(command), runner.terminal(), variables);
                    assertThat(status).as(command + ": " + runner.err()).isZero();
                    assertThat(runner.out()).isNotBlank();
                    run++;
                }
            }
            assertThat(run).isGreaterThanOrEqualTo(5);
        }
    }

    /** The hub of this test has one model, and folders are the test's own. */
    private List<String> onNano(List<String> command) {
        List<String> words = command.stream()
                .map(word ->
                        word.startsWith("deepseek-ai/") && !command.getFirst().equals("plan") ? HubServer.MODEL : word)
                .map(word -> word.equals("models") ? folder.resolve(word).toString() : word)
                .collect(Collectors.toCollection(ArrayList::new));
        if (command.getFirst().equals("plan") && !command.contains("--bandwidth")) {
            words.addAll(List.of("--bandwidth", "100", "--flops", "1000"));
            words.addAll(command.contains("--memory") ? List.of() : List.of("--memory", "64"));
        }
        return words;
    }

    @Test
    void quotesErrorsThatThereAre() throws IOException {
        StringBuilder sources = new StringBuilder();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".java")).toList()) {
                sources.append(Files.readString(file).replaceAll("\"\\s*\\+\\s*\"", ""));
            }
        }
        String page = Files.readString(PAGE);
        List<String> rows = page.substring(page.indexOf("| error | what to do |"))
                .lines()
                .skip(2)
                .toList();
        assertThat(rows).hasSizeGreaterThan(10);
        for (String row : rows) {
            String cell = row.split("\\|")[1];
            Pattern.compile("`([^`]*)`").matcher(cell).results().forEach(quote -> {
                for (String piece : quote.group(1).split("\\.\\.\\.")) {
                    assertThat(sources.toString()).as(row).contains(piece);
                }
            });
        }
    }
}
