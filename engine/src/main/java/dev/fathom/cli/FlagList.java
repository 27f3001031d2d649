package dev.fathom.cli;

import java.util.List;

/** The table of flags as text, one flag a line, by what becomes of it. */
final class FlagList {
    private FlagList() {}

    static String text(FlagTable table) {
        StringBuilder text = new StringBuilder();
        section(text, table, Flag.State.SERVED, "Served; \"fathom serve --help\" says what they do:");
        section(text, table, Flag.State.HOLDS, "Accepted, because what they ask for holds anyway:");
        section(text, table, Flag.State.REFUSED, "Known, but not supported in this version:");
        return text.toString();
    }

    private static void section(StringBuilder text, FlagTable table, Flag.State state, String title) {
        List<Flag> flags =
                table.flags().stream().filter(flag -> flag.state() == state).toList();
        text.append(title).append('\n');
        for (Flag flag : flags) {
            text.append("  ").append(String.join(", ", flag.names()));
            if (state != Flag.State.SERVED) {
                text.append(": ").append(flag.text());
            }
            flag.defaultValue()
                    .filter(value -> state == Flag.State.REFUSED)
                    .ifPresent(value -> text.append(" (").append(value).append(" is accepted)"));
            text.append('\n');
        }
        text.append('\n');
    }
}
