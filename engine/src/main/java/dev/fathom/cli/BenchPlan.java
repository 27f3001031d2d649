package dev.fathom.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** What a benchmark sends, fixed by its seed: SGLang's dataset {@code random}, with token ids for prompts. */
record BenchPlan(List<Item> items) {
    /**
     * @param promptIds     random ids that mean nothing
     * @param outputTokens  exactly so many are generated: the end token does not end it
     * @param startNanos    when to send it, from the start of the benchmark
     */
    record Item(int[] promptIds, int outputTokens, long startNanos) {}

    /**
     * @param rangeRatio   lengths are drawn evenly from [ratio * length, length]
     * @param requestRate  requests a second, arriving as a Poisson process; infinite sends all at once
     * @param vocabulary   ids are drawn from [{@link #FIRST_ID}, vocabulary)
     */
    record Settings(
            int prompts,
            int inputLength,
            int outputLength,
            double rangeRatio,
            double requestRate,
            int vocabulary,
            long seed) {
        Settings {
            require(prompts >= 1, "--num-prompts must be at least 1, got " + prompts + ".");
            require(inputLength >= 1, "--random-input-len must be at least 1, got " + inputLength + ".");
            require(outputLength >= 1, "--random-output-len must be at least 1, got " + outputLength + ".");
            require(
                    rangeRatio >= 0 && rangeRatio <= 1,
                    "--random-range-ratio must be in [0, 1], got " + rangeRatio + ".");
            require(requestRate > 0, "--request-rate must be positive or inf, got " + requestRate + ".");
            require(
                    vocabulary > FIRST_ID,
                    "--random-vocab-size must be larger than " + FIRST_ID + ", got " + vocabulary + ".");
        }

        private static void require(boolean holds, String otherwise) {
            if (!holds) {
                throw CliException.usage(otherwise);
            }
        }
    }

    /** Lower ids tend to be control tokens. */
    static final int FIRST_ID = 10;

    BenchPlan {
        items = List.copyOf(items);
    }

    static BenchPlan random(Settings settings) {
        SplittableRandom random = new SplittableRandom(settings.seed);
        List<Item> items = new ArrayList<>();
        double seconds = 0;
        for (int i = 0; i < settings.prompts; i++) {
            int[] ids = new int[length(random, settings.inputLength, settings.rangeRatio)];
            for (int j = 0; j < ids.length; j++) {
                ids[j] = random.nextInt(FIRST_ID, settings.vocabulary);
            }
            int output = length(random, settings.outputLength, settings.rangeRatio);
            items.add(new Item(ids, output, (long) (seconds * 1e9)));
            if (Double.isFinite(settings.requestRate)) {
                seconds -= Math.log1p(-random.nextDouble()) / settings.requestRate;
            }
        }
        return new BenchPlan(items);
    }

    private static int length(SplittableRandom random, int most, double ratio) {
        int least = Math.max(1, (int) (most * ratio));
        return random.nextInt(least, most + 1);
    }

    long inputTokens() {
        return items.stream().mapToLong(item -> item.promptIds.length).sum();
    }
}
