package dev.fathom.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * Takes the flags that SGLang knows and Fathom does not have out of a command line, before the rest is parsed.
 *
 * @param args   what is left: Fathom's flags and whatever neither knows
 * @param notes  one sentence for each flag that was accepted because it changes nothing
 */
record FlagScreen(List<String> args, List<String> notes) {
    FlagScreen {
        args = List.copyOf(args);
        notes = List.copyOf(notes);
    }

    /** @throws CliException naming the first flag that is not supported */
    static FlagScreen of(List<String> commandLine, FlagTable table) {
        List<String> args = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        int next = 0;
        while (next < commandLine.size()) {
            String word = commandLine.get(next++);
            int equals = word.indexOf('=');
            String name = word.startsWith("--") && equals > 0 ? word.substring(0, equals) : word;
            Flag flag = table.find(name).orElse(null);
            List<String> values = new ArrayList<>();
            if (flag != null && equals > 0) {
                values.add(word.substring(equals + 1));
            } else if (flag != null) {
                next = takeValues(flag, commandLine, next, values);
            }
            if (flag == null || flag.state() == Flag.State.SERVED) {
                args.add(word);
                if (equals < 0) {
                    args.addAll(values);
                }
            } else if (flag.kind() == Flag.Kind.VALUE && values.isEmpty()) {
                throw CliException.usage(name + " needs a value.");
            } else if (flag.state() == Flag.State.HOLDS) {
                notes.add(name + ": " + flag.text());
            } else if (values.size() != 1 || !flag.isDefault(values.getFirst())) {
                String given = values.isEmpty() ? name : name + " " + String.join(" ", values);
                throw CliException.usage(given + " is not supported in this version: " + flag.text());
            }
        }
        return new FlagScreen(args, notes);
    }

    private static int takeValues(Flag flag, List<String> commandLine, int from, List<String> values) {
        int most = switch (flag.kind()) {
            case SWITCH -> 0;
            case VALUE, OPTIONAL -> 1;
            case LIST -> Integer.MAX_VALUE;
        };
        int next = from;
        while (next < commandLine.size()
                && values.size() < most
                && !commandLine.get(next).startsWith("--")) {
            values.add(commandLine.get(next++));
        }
        return next;
    }
}
