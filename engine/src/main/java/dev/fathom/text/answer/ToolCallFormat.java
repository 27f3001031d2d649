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
    DEEPSEEK_V3(
            "deepseekv3",
            new Block("", Marks.OPEN, "\n", Marks.CLOSE),
            new Call(Marks.CALL + "function" + Marks.SEPARATOR, "\n```json\n", "\n```", Marks.CALL_END)) {
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
    DEEPSEEK_V31(
            "deepseekv31",
            new Block("", Marks.OPEN, "", Marks.CLOSE),
            new Call(Marks.CALL, Marks.SEPARATOR, "", Marks.CALL_END)) {
        @Override
        CallReader reader(Set<String> functions) {
            return new MarkedCallReader(
                    new MarkedCallReader.Layout(Marks.CALL, Marks.SEPARATOR, List.of(Marks.CALL_END), Marks.CLOSE),
                    functions);
        }
    },
    /** DeepSeek-V3.2: tags. */
    DEEPSEEK_V32(
            "deepseekv32",
            new Block("\n\n", DsmlCallReader.OPEN, "", "\n" + DsmlCallReader.CLOSE),
            new Call("\n" + DsmlCallReader.CALL, "\">\n", "", DsmlCallReader.CALL_END)) {
        @Override
        public boolean taggedArguments() {
            return true;
        }

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

    /** Text around the calls of a block; what is before the opening may be left out. */
    private record Block(String beforeOpening, String opening, String betweenCalls, String closing) {}

    /** Text around a call's name and arguments. */
    private record Call(String beforeName, String afterName, String afterArguments, String end) {}

    private final String parserName;

    @SuppressWarnings("ImmutableEnumChecker") // records of strings are immutable
    private final Block block;

    @SuppressWarnings("ImmutableEnumChecker")
    private final Call call;

    ToolCallFormat(String parserName, Block block, Call call) {
        this.parserName = parserName;
        this.block = block;
        this.call = call;
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
        return opening() + callStart(function);
    }

    /** A call of this function, up to its arguments. */
    public String callStart(String function) {
        return call.beforeName() + function + call.afterName();
    }

    /** From a call's arguments to its end. */
    public String afterArguments() {
        return call.afterArguments() + call.end();
    }

    /** What every call ends with. */
    public String callEnd() {
        return call.end();
    }

    /** What a model may write before a block of calls, and leave out. */
    public String beforeOpening() {
        return block.beforeOpening();
    }

    /** What a block of calls begins with. */
    public String opening() {
        return block.opening();
    }

    public String betweenCalls() {
        return block.betweenCalls();
    }

    /** What a block of calls ends with. */
    public String closing() {
        return block.closing();
    }

    /** Whether each argument stands in a tag of its own; else all are one JSON object. */
    public boolean taggedArguments() {
        return false;
    }

    /** Reads a block after its opening. */
    abstract CallReader reader(Set<String> functions);
}
