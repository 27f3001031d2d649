package dev.fathom.text.answer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How models write calls. A new one is a constant here, its {@link CallReader} and its cases in the tests. */
public enum ToolCallFormat {
    /** DeepSeek-V3 and R1: the arguments in a fenced block. */
    DEEPSEEK_V3("deepseekv3", Marks.OPEN, Marks.CALL + "function" + Marks.SEPARATOR, "\n```json\n", Marks.CALL_END) {
        @Override
        CallReader reader(Set<String> functions) {
            return new MarkedCallReader(
                    new MarkedCallReader.Layout(
                            Marks.CALL + "function" + Marks.SEPARATOR,
                            "\n```json",
                            List.of("```", Marks.CALL_END),
                            Marks.CLOSE),
                    functions);
        }
    },
    /** DeepSeek-V3.1: name, mark, arguments. */
    DEEPSEEK_V31("deepseekv31", Marks.OPEN, Marks.CALL, Marks.SEPARATOR, Marks.CALL_END) {
        @Override
        CallReader reader(Set<String> functions) {
            return new MarkedCallReader(
                    new MarkedCallReader.Layout(Marks.CALL, Marks.SEPARATOR, List.of(Marks.CALL_END), Marks.CLOSE),
                    functions);
        }
    },
    /** DeepSeek-V3.2: tags. */
    DEEPSEEK_V32("deepseekv32", DsmlCallReader.OPEN, "\n" + DsmlCallReader.CALL, "\">\n", DsmlCallReader.CALL_END) {
        @Override
        CallReader reader(Set<String> functions) {
            return new DsmlCallReader(functions);
        }
    };

    /** DeepSeek's special tokens around calls. */
    private static final class Marks {
        static final String OPEN = "<｜tool▁calls▁begin｜>";
        static final String CLOSE = "<｜tool▁calls▁end｜>";
        static final String CALL = "<｜tool▁call▁begin｜>";
        static final String CALL_END = "<｜tool▁call▁end｜>";
        static final String SEPARATOR = "<｜tool▁sep｜>";
    }

    private final String parserName;
    private final String opening;
    private final String beforeName;
    private final String afterName;
    private final String callEnd;

    ToolCallFormat(String parserName, String opening, String beforeName, String afterName, String callEnd) {
        this.parserName = parserName;
        this.opening = opening;
        this.beforeName = beforeName;
        this.afterName = afterName;
        this.callEnd = callEnd;
    }

    /** The format that SGLang's {@code --tool-call-parser} knows by this name. */
    public static Optional<ToolCallFormat> named(String name) {
        return Arrays.stream(values())
                .filter(format -> format.parserName.equals(name))
                .findFirst();
    }

    /** The format of this name, or {@code fallback} where no name is given; empty where there is none. */
    public static Optional<ToolCallFormat> choose(@Nullable String name, @Nullable ToolCallFormat fallback) {
        return name == null ? Optional.ofNullable(fallback) : named(name);
    }

    /** All names, for messages. */
    public static String allNames() {
        return Arrays.stream(values()).map(ToolCallFormat::displayName).collect(Collectors.joining(", "));
    }

    public String displayName() {
        return parserName;
    }

    /** How an answer goes on that calls this function, up to its arguments. */
    public String start(String function) {
        return opening + beforeName + function + afterName;
    }

    /** What every call ends with. */
    public String callEnd() {
        return callEnd;
    }

    /** What a block of calls begins with. */
    String opening() {
        return opening;
    }

    /** Reads a block after its opening. */
    abstract CallReader reader(Set<String> functions);
}
