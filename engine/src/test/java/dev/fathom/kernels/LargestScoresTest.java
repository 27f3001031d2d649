package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LargestScoresTest {
    private static int[] sorted(float[] scores, int count) {
        Comparator<Integer> larger =
                Comparator.comparingDouble((Integer k) -> scores[k] + 0f).reversed();
        return IntStream.range(0, scores.length)
                .boxed()
                .sorted(larger)
                .limit(count)
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
    }

    @Test
    void agreesWithSorting() {
        SplittableRandom random = new SplittableRandom(11);
        LargestScores largest = new LargestScores();
        for (int round = 0; round < 2000; round++) {
            int seen = 1 + random.nextInt(300);
            int kinds = 1 + random.nextInt(40);
            float[] scores = new float[seen];
            for (int i = 0; i < seen; i++) {
                // Few different numbers, so that many are equal; both zeros, infinities, NaN, all magnitudes.
                float[] pool = {
                    0f,
                    -0f,
                    Float.NaN,
                    Float.POSITIVE_INFINITY,
                    Float.NEGATIVE_INFINITY,
                    Float.MIN_VALUE,
                    -Float.MIN_VALUE,
                    random.nextInt(kinds),
                    -random.nextInt(kinds),
                    Float.intBitsToFloat(random.nextInt())
                };
                scores[i] = pool[random.nextInt(pool.length)];
            }
            int count = 1 + random.nextInt(seen);
            assertThat(largest.positions(MemorySegment.ofArray(scores), 0, seen, count))
                    .as("round %d of seed 11", round)
                    .containsExactly(sorted(scores, count));
        }
    }
}
