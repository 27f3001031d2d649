package dev.fathom.cli;

import dev.fathom.serve.ToolStrictness;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The environment variables that count, with SGLang's names.
 *
 * @param healthCheckTimeout  SGLANG_HEALTH_CHECK_TIMEOUT, seconds: how long /health_generate waits for a token
 * @param longerContext       SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: --context-length may exceed the config's
 * @param threadsBind         SGLANG_CPU_OMP_THREADS_BIND: the processors of the worker threads
 * @param apiKey              OPENAI_API_KEY, for the commands that are clients
 * @param kernelCache         where compiled kernels are kept: FATHOM_CACHE_DIR, TORCHINDUCTOR_CACHE_DIR, or fathom/kernels in
 *                            XDG_CACHE_HOME or ~/.cache; empty where none of them is set
 * @param hub                 what hubs and their caches are about
 * @param toolStrictness      SGLANG_TOOL_STRICT_LEVEL, 0 to 2: from where on tool calls are held to their functions
 * @param debug               FATHOM_DEBUG: failures come with their stack trace
 * @param notes               one sentence for each SGLang variable that is set and changes nothing here
 */
record Environment(
        Duration healthCheckTimeout,
        boolean longerContext,
        Optional<String> threadsBind,
        Optional<String> apiKey,
        Optional<Path> kernelCache,
        HubVariables hub,
        ToolStrictness toolStrictness,
        boolean debug,
        List<String> notes) {
    private static final String HEALTH_CHECK_TIMEOUT = "SGLANG_HEALTH_CHECK_TIMEOUT";
    private static final String LONGER_CONTEXT = "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN";
    private static final String TOOL_STRICT_LEVEL = "SGLANG_TOOL_STRICT_LEVEL";
    static final String THREADS_BIND = "SGLANG_CPU_OMP_THREADS_BIND";
    private static final Set<String> KNOWN =
            Set.of(HEALTH_CHECK_TIMEOUT, LONGER_CONTEXT, THREADS_BIND, TOOL_STRICT_LEVEL, HubVariables.USE_MODELSCOPE);

    static Environment of(Map<String, String> variables) {
        List<String> notes = new ArrayList<>();
        variables.keySet().stream()
                .filter(name -> name.startsWith("SGLANG_") && !KNOWN.contains(name))
                .sorted()
                .forEach(name -> notes.add(name + " is set, but has no meaning here."));
        return new Environment(
                seconds(variables, HEALTH_CHECK_TIMEOUT, 20),
                isTrue(variables, LONGER_CONTEXT),
                Optional.ofNullable(variables.get(THREADS_BIND)).filter(list -> !list.isEmpty()),
                Optional.ofNullable(variables.get("OPENAI_API_KEY")).filter(key -> !key.isEmpty()),
                kernelCache(variables),
                new HubVariables(variables),
                toolStrictness(variables),
                isTrue(variables, "FATHOM_DEBUG"),
                List.copyOf(notes));
    }

    /** Variables that are empty count as not set. */
    private static Optional<Path> kernelCache(Map<String, String> variables) {
        return folder(variables, "FATHOM_CACHE_DIR", "")
                .or(() -> folder(variables, "TORCHINDUCTOR_CACHE_DIR", ""))
                .or(() -> folder(variables, "XDG_CACHE_HOME", "fathom/kernels"))
                .or(() -> folder(variables, "HOME", ".cache/fathom/kernels"));
    }

    private static Optional<Path> folder(Map<String, String> variables, String name, String below) {
        String text = variables.getOrDefault(name, "");
        try {
            return text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text, below));
        } catch (InvalidPathException e) {
            throw CliException.usage(name + " is not a path: " + e.getMessage() + ".");
        }
    }

    private static ToolStrictness toolStrictness(Map<String, String> variables) {
        String level = variables.getOrDefault(TOOL_STRICT_LEVEL, "");
        return switch (level) {
            case "", "0" -> ToolStrictness.REQUESTED;
            case "1" -> ToolStrictness.FUNCTION;
            case "2" -> ToolStrictness.PARAMETER;
            default -> throw CliException.usage(TOOL_STRICT_LEVEL + " must be 0, 1 or 2, got \"" + level + "\".");
        };
    }

    private static Duration seconds(Map<String, String> variables, String name, int otherwise) {
        String text = variables.getOrDefault(name, Integer.toString(otherwise));
        try {
            double seconds = Double.parseDouble(text);
            if (seconds > 0 && seconds < 1e6) {
                return Duration.ofMillis((long) (seconds * 1000));
            }
        } catch (NumberFormatException e) {
            // the sentence below says what was wanted
        }
        throw CliException.usage(name + " must be a positive number of seconds, got \"" + text + "\".");
    }

    /** SGLang's reading: 1, true, yes, y, t, on. */
    private static boolean isTrue(Map<String, String> variables, String name) {
        String text = variables.getOrDefault(name, "0");
        return switch (text.toLowerCase(java.util.Locale.ROOT)) {
            case "1", "true", "yes", "y", "t", "on" -> true;
            case "0", "false", "no", "n", "f", "off", "" -> false;
            default -> throw CliException.usage(name + " must be true or false, got \"" + text + "\".");
        };
    }
}
