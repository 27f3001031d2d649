package dev.fathom.cli;

import dev.fathom.http.MetricBuckets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What Prometheus is told: flags of the server. */
final class MetricsFlags {
    private static final int MOST_BUCKETS = 1000;

    @Option(names = "--enable-metrics", description = "Serve Prometheus metrics at /metrics.")
    private boolean enabled;

    @Option(
            names = "--bucket-time-to-first-token",
            paramLabel = "S",
            arity = "1..*",
            description = "Upper bounds of the buckets of its histogram. Default: SGLang's.")
    private List<Double> firstToken = new ArrayList<>();

    @Option(
            names = "--bucket-inter-token-latency",
            paramLabel = "S",
            arity = "1..*",
            description = "The same for the time between tokens.")
    private List<Double> betweenTokens = new ArrayList<>();

    @Option(
            names = "--bucket-e2e-request-latency",
            paramLabel = "S",
            arity = "1..*",
            description = "The same for the time of a request.")
    private List<Double> whole = new ArrayList<>();

    @Option(
            names = "--prompt-tokens-buckets",
            paramLabel = "RULE",
            arity = "1..*",
            description = "The same for a prompt's tokens: \"custom 100 1000 10000\", \"tse MIDDLE BASE COUNT\" for"
                    + " bounds at growing distances from one in the middle, or \"default\".")
    private List<String> promptTokens = new ArrayList<>();

    @Option(
            names = "--generation-tokens-buckets",
            paramLabel = "RULE",
            arity = "1..*",
            description = "The same for an answer's tokens.")
    private List<String> generatedTokens = new ArrayList<>();

    boolean enabled() {
        return enabled;
    }

    /** @throws CliException for bounds that are none */
    MetricBuckets buckets() {
        MetricBuckets usual = MetricBuckets.DEFAULT;
        return new MetricBuckets(
                seconds("--bucket-time-to-first-token", firstToken, usual.firstToken()),
                seconds("--bucket-inter-token-latency", betweenTokens, usual.betweenTokens()),
                seconds("--bucket-e2e-request-latency", whole, usual.whole()),
                tokens("--prompt-tokens-buckets", promptTokens, usual.promptTokens()),
                tokens("--generation-tokens-buckets", generatedTokens, usual.generatedTokens()));
    }

    private static List<Double> seconds(String flag, List<Double> given, List<Double> usual) {
        for (double bound : given) {
            if (!(bound >= 0) || Double.isInfinite(bound)) {
                throw CliException.usage(flag + ": bounds of buckets must not be negative, got " + bound + ".");
            }
        }
        return given.isEmpty() ? usual : ascending(given);
    }

    private static List<Double> tokens(String flag, List<String> rule, List<Double> usual) {
        if (rule.isEmpty() || rule.equals(List.of("default"))) {
            return usual;
        }
        List<Double> numbers = numbers(rule.subList(1, rule.size()));
        List<Double> bounds = numbers == null
                ? null
                : switch (rule.getFirst()) {
                    case "custom" -> numbers;
                    case "tse" -> aroundTheMiddle(numbers);
                    default -> null;
                };
        if (bounds == null || bounds.isEmpty()) {
            throw CliException.usage(flag + " must be \"default\", \"custom\" and bounds, or \"tse\", a middle, a base"
                    + " above 1 and a count, got \"" + String.join(" ", rule) + "\".");
        }
        return seconds(flag, bounds, usual);
    }

    private static @Nullable List<Double> numbers(List<String> words) {
        try {
            return words.stream().map(Double::parseDouble).toList();
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** SGLang's "two sides exponential": the middle, and bounds on both sides whose distances grow by the base. */
    private static @Nullable List<Double> aroundTheMiddle(List<Double> numbers) {
        boolean whole = numbers.size() == 3 && numbers.get(2) == Math.rint(numbers.get(2));
        if (!whole || !(numbers.get(1) > 1) || !(numbers.get(2) >= 1 && numbers.get(2) <= MOST_BUCKETS)) {
            return null;
        }
        double middle = numbers.getFirst();
        List<Double> bounds = new ArrayList<>(List.of(middle));
        double distance = 1;
        for (int i = 0; i < Math.ceil(numbers.get(2) / 2); i++) {
            distance *= numbers.get(1);
            bounds.add(middle + distance);
            bounds.add(Math.max(0, middle - distance));
        }
        return bounds;
    }

    private static List<Double> ascending(List<Double> bounds) {
        return List.copyOf(new TreeSet<>(bounds));
    }
}
