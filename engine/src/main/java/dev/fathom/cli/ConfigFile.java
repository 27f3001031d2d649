package dev.fathom.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Flags from a YAML file, {@code --config FILE} as SGLang has it: a key is a flag without its dashes, underscores count as
 * hyphens, {@code true} gives a flag that has no value, a list gives several values, and the command line wins.
 */
final class ConfigFile {
    static final String FLAG = "--config";

    private final Path file;
    private final FlagTable table;

    private ConfigFile(Path file, FlagTable table) {
        this.file = file;
        this.table = table;
    }

    /**
     * The command line with the file's flags in front.
     *
     * @param args  the command's name first
     * @throws CliException if the file cannot be read as flags
     */
    static List<String> expand(List<String> args, FlagTable table) {
        List<String> rest = new ArrayList<>();
        List<String> files = new ArrayList<>();
        for (int i = 0; i < args.size(); i++) {
            String word = args.get(i);
            if (word.startsWith(FLAG + "=")) {
                files.add(word.substring(FLAG.length() + 1));
            } else if (word.equals(FLAG)) {
                if (i + 1 == args.size() || args.get(i + 1).startsWith("--")) {
                    throw CliException.usage(FLAG + " needs a value.");
                }
                files.add(args.get(++i));
            } else {
                rest.add(word);
            }
        }
        if (files.isEmpty()) {
            return args;
        }
        if (files.size() > 1) {
            throw CliException.usage(FLAG + " is given more than once: " + String.join(", ", files) + ".");
        }
        ConfigFile config = new ConfigFile(path(files.getFirst()), table);
        rest.addAll(1, config.flags(config.names(rest)));
        rest.add(FLAG + "=" + files.getFirst());
        return rest;
    }

    private static Path path(String file) {
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw CliException.usage(FLAG + " is not a path: " + e.getMessage() + ".");
        }
    }

    /** Names of flags, aliases as what they stand for. */
    private Set<String> names(List<String> words) {
        Set<String> names = new HashSet<>();
        for (String word : words) {
            if (word.startsWith("--")) {
                names.add(name(word.replaceFirst("=.*", "")));
            }
        }
        return names;
    }

    private String name(String flag) {
        return table.find(flag).map(Flag::name).orElse(flag);
    }

    private List<String> flags(Set<String> commandLine) {
        List<String> flags = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (Map.Entry<?, ?> entry : entries().entrySet()) {
            String flag = "--" + String.valueOf(entry.getKey()).replace('_', '-');
            if (flag.equals(FLAG)) {
                throw CliException.usage(file + ": a configuration file names no other.");
            }
            if (!seen.add(name(flag))) {
                throw CliException.usage(file + " gives " + name(flag) + " twice.");
            }
            if (entry.getValue() != null && !commandLine.contains(name(flag))) {
                add(flag, entry.getValue(), flags);
            }
        }
        return flags;
    }

    private void add(String flag, Object value, List<String> flags) {
        boolean isSwitch =
                table.find(flag).map(known -> known.kind() == Flag.Kind.SWITCH).orElse(false);
        if (value instanceof Boolean on && (isSwitch || table.find(flag).isEmpty())) {
            if (on) {
                flags.add(flag);
            }
        } else if (isSwitch) {
            throw CliException.usage(file + ": " + flag.substring(2) + " must be true or false, got " + value + ".");
        } else if (value instanceof List<?> list) {
            flags.add(flag);
            list.forEach(item -> flags.add(text(item)));
        } else {
            flags.add(flag + "=" + text(value));
        }
    }

    /** Flags that take JSON may be given as YAML. */
    private static String text(@Nullable Object value) {
        return value instanceof Map<?, ?> || value instanceof List<?>
                ? JsonMapper.shared().writeValueAsString(value)
                : String.valueOf(value);
    }

    private Map<?, ?> entries() {
        Object content;
        try {
            content = new Load(LoadSettings.builder().build()).loadFromString(Files.readString(file));
        } catch (NoSuchFileException e) {
            throw CliException.failure("The configuration file " + file + " cannot be read: there is no such file.");
        } catch (IOException e) {
            throw CliException.failure("The configuration file " + file + " cannot be read: " + e + ".");
        } catch (MarkedYamlEngineException e) {
            String where = e.getProblemMark()
                    .map(mark -> ", line " + (mark.getLine() + 1) + ", column " + (mark.getColumn() + 1))
                    .orElse("");
            throw CliException.failure(file + where + " is not valid YAML: " + e.getProblem() + ".");
        } catch (YamlEngineException e) {
            throw CliException.failure(file + " is not valid YAML: " + e.getMessage());
        }
        if (content == null) {
            return Map.of();
        }
        if (!(content instanceof Map<?, ?> entries)) {
            throw CliException.failure(file + " must hold flags and values, such as \"model-path: /models/v3\".");
        }
        return entries;
    }
}
