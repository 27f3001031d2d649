package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlagScreenTest {
    private final FlagTable table = FlagTable.load();

    private FlagScreen screen(String line) {
        return FlagScreen.of(List.of(line.split(" ")), table);
    }

    @Test
    void leavesServedAndUnknownFlagsAsTheyAre() {
        String line = "--model-path /m --port=1 --page-size 16 --nonsense 3 --skip-server-warmup word";
        assertThat(screen(line).args()).containsExactly(line.split(" "));
        assertThat(screen(line).notes()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--tp 1", "--tp-size=1", "--nnodes 1 --node-rank 0", "--load-balance-method auto"})
    void acceptsTheDefaultsOfFlagsThatAreNotSupported(String line) {
        assertThat(screen(line).args()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "--tp-size 2, --tp-size 2 is not supported in this version:",
        "--tp=8, --tp 8 is not supported in this version:",
        "--enable-lora, --enable-lora is not supported in this version: there is no LoRA.",
        "--cuda-graph-bs 1 2 4, --cuda-graph-bs 1 2 4 is not supported in this version:",
        "--speculative-algorithm EAGLE --speculative-num-steps 3, --speculative-algorithm EAGLE is not supported",
    })
    void refusesWithASentenceThatNamesTheFlag(String line, String sentence) {
        assertThatThrownBy(() -> screen(line))
                .isInstanceOfSatisfying(
                        CliException.class, e -> assertThat(e.exitCode()).isEqualTo(2))
                .hasMessageStartingWith(sentence);
    }

    @Test
    void acceptsWhatHoldsAnywayAndSaysSo() {
        FlagScreen screened = screen("--trust-remote-code --port 4 --disable-cuda-graph-padding");
        assertThat(screened.args()).containsExactly("--port", "4");
        assertThat(screened.notes())
                .hasSize(2)
                .first()
                .asString()
                .startsWith("--trust-remote-code: Fathom never runs code");
    }

    @Test
    void doesNotTakeTheValueOfAServedFlagForAFlag() {
        assertThat(screen("--api-key --port").args()).containsExactly("--api-key", "--port");
        assertThat(screen("--served-model-name tp --tp 1").args()).containsExactly("--served-model-name", "tp");
    }

    @Test
    void wantsTheValueOfAFlagThatHasOne() {
        assertThatThrownBy(() -> screen("--tp")).hasMessage("--tp needs a value.");
        assertThatThrownBy(() -> screen("--dp --port 3")).hasMessage("--dp needs a value.");
    }
}
