package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Tokens chosen from logits, held to what {@link TokenChoice} says of them, written down once more with a sort. */
abstract class ChoiceContract extends Int8Contract {
    private static final float NO = Float.NEGATIVE_INFINITY;

    private int[] choose(Tensor logits, int[] rows, List<TokenChoice> choices) {
        return kernels.chooseTokens(logits, rows, choices, new TokenChooser());
    }

    private List<TokenChoice> choices(int vocabulary) {
        List<TokenChoice> choices = new ArrayList<>();
        choices.add(TokenChoice.LARGEST);
        for (float temperature : new float[] {0.05f, 0.6f, 1, 5}) {
            for (int topK : new int[] {TokenChoice.ALL, 2, 20, 64, 65, 1500, vocabulary}) {
                for (float topP : new float[] {1, 0.95f, 0.3f}) {
                    float minP = random.nextInt(3) == 0 ? 0.1f : 0;
                    choices.add(new TokenChoice(temperature, topK, topP, minP, random.nextDouble()));
                }
            }
        }
        return choices;
    }

    @Test
    void choosesTokensAsTheChoiceIsDefined() {
        for (int vocabulary : new int[] {1, 2, 31, 33, 64, 1000, 1025, 6000}) {
            for (double size : new double[] {0.01, 3}) {
                List<TokenChoice> choices = choices(vocabulary);
                Tensor logits = gaussian(choices.size() + 1, vocabulary, size);
                // Some tokens are ruled out, and some are alike.
                for (int i = 0; i < vocabulary / 3; i++) {
                    logits.set(random.nextInt(logits.rows()), random.nextInt(vocabulary), i % 2 == 0 ? NO : 1);
                }
                IntStream.range(0, logits.rows()).forEach(row -> logits.set(row, vocabulary / 2, 0.5f));
                int[] rows = IntStream.range(0, choices.size())
                        .map(i -> choices.size() - i)
                        .toArray();
                int[] ids = choose(logits, rows, choices);
                for (int i = 0; i < rows.length; i++) {
                    assertThat(ids[i])
                            .as("%d tokens, size %s, %s", vocabulary, size, choices.get(i))
                            .isEqualTo(defined(logits.rows(rows[i], 1).toArray(), choices.get(i)));
                }
            }
        }
    }

    private static int defined(float[] logits, TokenChoice choice) {
        List<Integer> order = IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -(logits[id] + 0f)))
                .toList();
        if (choice.isLargest()) {
            return order.getFirst();
        }
        float largest = logits[order.getFirst()];
        float[] weights = new float[logits.length];
        double total = 0;
        for (int id = 0; id < logits.length; id++) {
            weights[id] = (float) Math.exp((logits[id] - largest) / choice.temperature());
            total += weights[id];
        }
        List<Integer> kept = new ArrayList<>();
        double sum = 0;
        for (int id : order) {
            boolean enough = choice.topK() != TokenChoice.ALL && kept.size() == choice.topK();
            boolean nucleus = choice.topP() < 1 && sum > choice.topP() * total;
            if (enough || nucleus || weights[id] == 0 || weights[id] < choice.minP()) {
                break;
            }
            kept.add(id);
            sum += weights[id];
        }
        if (choice.isFromAll()) {
            kept.sort(Comparator.naturalOrder());
        }
        double target =
                choice.uniform() * kept.stream().mapToDouble(id -> weights[id]).sum();
        double running = 0;
        for (int id : kept) {
            running += weights[id];
            if (running > target) {
                return id;
            }
        }
        return kept.getLast();
    }

    @Test
    void takesTheLowestIdOfEqualLogits() {
        Tensor logits = tensor(3, 40);
        logits.fill(-1);
        logits.set(0, 7, 3);
        logits.set(0, 33, 3);
        logits.rows(1, 1).fill(NO);
        logits.set(1, 20, -0f);
        logits.set(1, 21, 0f);
        List<TokenChoice> largest = List.of(TokenChoice.LARGEST, TokenChoice.LARGEST, TokenChoice.LARGEST);
        assertThat(choose(logits, new int[] {0, 1, 2}, largest)).containsExactly(7, 20, 0);
        // Of forty that are alike the second quarter of twenty is the sixth to the tenth.
        TokenChoice twenty = new TokenChoice(1, 20, 1, 0, 0.26);
        assertThat(choose(logits, new int[] {2}, List.of(twenty))).containsExactly(5);
    }

    @Test
    void choosesNothingByLogitsThatAreNotFinite() {
        TokenChoice all = new TokenChoice(1, TokenChoice.ALL, 1, 0, 0.5);
        TokenChoice few = new TokenChoice(1, 3, 0.9f, 0, 0.5);
        for (float strange : new float[] {Float.NaN, -Float.NaN, Float.POSITIVE_INFINITY}) {
            Tensor logits = gaussian(4, 300);
            logits.set(0, 299, strange);
            logits.set(1, 0, strange);
            logits.set(2, 150, strange);
            int[] ids = choose(logits, new int[] {0, 1, 2, 3}, List.of(TokenChoice.LARGEST, all, few, few));
            assertThat(ids).startsWith(TokenChooser.NOT_FINITE, TokenChooser.NOT_FINITE, TokenChooser.NOT_FINITE);
            assertThat(ids[3]).isBetween(0, 299);
        }
        Tensor none = tensor(1, 50);
        none.fill(NO);
        assertThat(choose(none, new int[] {0}, List.of(all))).containsExactly(TokenChooser.NOT_FINITE);
        assertThat(choose(none, new int[0], List.of())).isEmpty();
    }

    @Test
    void refusesRowsThatAreNotThere() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> choose(gaussian(2, 5), new int[] {2}, List.of(TokenChoice.LARGEST)))
                .withMessageContaining("rows[0] = 2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> choose(gaussian(2, 5), new int[] {0, 1}, List.of(TokenChoice.LARGEST)))
                .withMessageContaining("1 for 2 rows");
    }
}
