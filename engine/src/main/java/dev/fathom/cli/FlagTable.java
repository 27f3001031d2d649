package dev.fathom.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Every flag of SGLang's server, from the resource {@code sglang-flags.tsv}: the refusals, the notes and the printed
 * table all come from there.
 */
final class FlagTable {
    private static final String RESOURCE = "sglang-flags.tsv";
    private static final String NONE = "-";

    private final List<Flag> flags;
    private final Map<String, Flag> byName = new HashMap<>();

    private FlagTable(List<Flag> flags) {
        this.flags = List.copyOf(flags);
        for (Flag flag : flags) {
            for (String name : flag.names()) {
                if (byName.put(name, flag) != null) {
                    throw new IllegalStateException(RESOURCE + " lists " + name + " twice");
                }
            }
        }
    }

    static FlagTable load() {
        try (InputStream in = FlagTable.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is not on the class path");
            }
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static FlagTable parse(String table) {
        List<Flag> flags = new ArrayList<>();
        for (String line : table.lines().toList()) {
            if (!line.startsWith("#") && !line.isBlank()) {
                flags.add(row(line));
            }
        }
        return new FlagTable(flags);
    }

    private static Flag row(String line) {
        String[] cells = line.split("\t", -1);
        if (cells.length != 5) {
            throw new IllegalStateException(RESOURCE + ": five cells wanted in the line: " + line);
        }
        return new Flag(
                List.of(cells[0].split(",", -1)),
                Flag.Kind.valueOf(cells[1].toUpperCase(Locale.ROOT)),
                cells[2].equals(NONE) ? Optional.empty() : Optional.of(cells[2]),
                Flag.State.valueOf(cells[3].toUpperCase(Locale.ROOT)),
                cells[4]);
    }

    List<Flag> flags() {
        return flags;
    }

    /** @param name with its dashes */
    Optional<Flag> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }
}
