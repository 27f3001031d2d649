package dev.fathom.text.answer;

import java.util.Set;

/** Reads a function's name up to the mark behind it. */
final class FunctionName {
    private final UntilMark mark;
    private final Set<String> functions;
    private final int longest;
    private final StringBuilder name = new StringBuilder();

    /** @param functions those that may be called */
    FunctionName(String mark, Set<String> functions) {
        this.mark = new UntilMark(mark);
        this.functions = functions;
        this.longest = functions.stream().mapToInt(String::length).max().orElse(0);
    }

    /** MORE, CALL when the name is whole and one of the functions, else DAMAGED. */
    CallReader.Step accept(char c) {
        if (mark.accept(c, name)) {
            return functions.contains(name()) ? CallReader.Step.CALL : CallReader.Step.DAMAGED;
        }
        return name.length() > longest ? CallReader.Step.DAMAGED : CallReader.Step.MORE;
    }

    String name() {
        return name.toString();
    }
}
