package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class IncrementalDetokenizerTest {
    private static final Tokenizer NANO = Goldens.nano();

    @Test
    void givesInPiecesWhatDecodeGivesAtOnce() {
        long seed = 20261123;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            // Mostly single bytes, so that most characters are split and many are broken.
            int bound = random.nextInt(4) == 0 ? NANO.size() + 10 : 260;
            int[] ids = random.ints(random.nextInt(12), 0, bound).toArray();
            boolean skipSpecial = random.nextBoolean();
            assertThat(inPieces(ids, skipSpecial))
                    .as("ids %s", Arrays.toString(ids))
                    .isEqualTo(NANO.decode(ids, skipSpecial));
        }
    }

    private static String inPieces(int[] ids, boolean skipSpecial) {
        IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(NANO, skipSpecial);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(detokenizer.push(id));
        }
        return text.append(detokenizer.finish()).toString();
    }

    @Test
    void holdsBackACharacterUntilItIsWhole() {
        int[] ids = NANO.encode("😀");
        assertThat(ids.length).isGreaterThan(1);
        IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(NANO, true);
        for (int i = 0; i < ids.length - 1; i++) {
            assertThat(detokenizer.push(ids[i])).isEmpty();
        }
        assertThat(detokenizer.push(ids[ids.length - 1])).isEqualTo("😀");
        assertThat(detokenizer.finish()).isEmpty();
    }

    @Test
    void replacesACharacterThatIsNeverCompleted() {
        IncrementalDetokenizer detokenizer = new IncrementalDetokenizer(NANO, true);
        assertThat(detokenizer.push(NANO.encode("😀")[0])).isEmpty();
        assertThat(detokenizer.finish()).isEqualTo("\uFFFD");
        assertThat(detokenizer.finish()).isEmpty();
    }

    @Test
    void leavesSpecialTokensOutOnRequest() {
        int end = NANO.id("<｜end▁of▁sentence｜>").orElseThrow();
        assertThat(NANO.isSpecial(end)).isTrue();
        assertThat(new IncrementalDetokenizer(NANO, true).push(end)).isEmpty();
        assertThat(new IncrementalDetokenizer(NANO, false).push(end)).isEqualTo("<｜end▁of▁sentence｜>");
    }
}
