package dev.fathom.text.answer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How models mark their reasoning. A new one is a constant here and its cases in the tests. */
public enum ReasoningFormat {
    /** R1: an answer begins with reasoning, whether the prompt opened it, the model does, or nobody. */
    DEEPSEEK_R1("deepseek-r1", "<think>", "</think>", true),
    /** V3.1 and later: the prompt opens the reasoning, or the answer has none. */
    DEEPSEEK_V3("deepseek-v3, deepseek-v3.1, deepseek-v3.2", "<think>", "</think>", false);

    private static final String SEPARATOR = ", ";

    /** After results of tools an answer goes on where its calls broke it off: what was to be thought is thought. */
    private static final List<String> RESULT_ENDS = List.of("<｜tool▁output▁end｜>", "<｜tool▁outputs▁end｜>");

    private final String names;
    private final String begin;
    private final String end;
    private final boolean always;

    /**
     * @param names   the usual one first, separated by commas
     * @param always  whether an answer is reasoning from its first character unless the prompt has closed it
     */
    ReasoningFormat(String names, String begin, String end, boolean always) {
        this.names = names;
        this.begin = begin;
        this.end = end;
        this.always = always;
    }

    /** The format that SGLang's {@code --reasoning-parser} knows by this name. */
    public static Optional<ReasoningFormat> named(String name) {
        return Arrays.stream(values())
                .filter(format -> format.names().contains(name))
                .findFirst();
    }

    /** The format of this name, or {@code fallback} where no name is given; empty where there is none. */
    public static Optional<ReasoningFormat> choose(@Nullable String name, @Nullable ReasoningFormat fallback) {
        return name == null ? Optional.ofNullable(fallback) : named(name);
    }

    /** All names, for messages. */
    public static String allNames() {
        return Arrays.stream(values()).map(format -> format.names).collect(Collectors.joining(SEPARATOR));
    }

    public String displayName() {
        return names().getFirst();
    }

    public String begin() {
        return begin;
    }

    public String end() {
        return end;
    }

    /** Whether what follows this prompt, of which the end suffices, is reasoning. */
    public boolean opensIn(String prompt) {
        String text = prompt.stripTrailing();
        return text.endsWith(begin)
                || (always && !text.endsWith(end) && RESULT_ENDS.stream().noneMatch(text::endsWith));
    }

    /**
     * Whether reasoning goes on after text that is put into the model's mouth.
     *
     * @param open whether the prompt before that text opened it
     */
    public boolean opensAfter(boolean open, String continued) {
        boolean opened = open || continued.stripLeading().startsWith(begin);
        return opened && !continued.contains(end);
    }

    private List<String> names() {
        return List.of(names.split(SEPARATOR));
    }
}
