package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpellingTest {
    @ParameterizedTest
    @CsvSource({"kitten, sitting, 3", "'', abc, 3", "same, same, 0", "--prot, --port, 2", "flaw, lawn, 2"})
    void countsChangedLetters(String a, String b, int distance) {
        assertThat(Spelling.distance(a, b)).isEqualTo(distance);
        assertThat(Spelling.distance(b, a)).isEqualTo(distance);
    }

    @Test
    void guessesTheNearestWord() {
        List<String> known = List.of("--port", "--host", "--max-running-requests", "--max-queued-requests");
        assertThat(Spelling.nearest("--prot", known)).contains("--port");
        assertThat(Spelling.nearest("--max-runing-request", known)).contains("--max-running-requests");
    }

    @Test
    void guessesNothingWhereNothingIsNear() {
        assertThat(Spelling.nearest("--gpu-memory-utilization", List.of("--port", "--host")))
                .isEmpty();
        assertThat(Spelling.nearest("--x", List.of())).isEmpty();
    }
}
