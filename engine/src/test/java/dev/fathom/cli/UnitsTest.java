package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnitsTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "999, 999 B",
        "1000, 1.0 KB",
        "999949, 999.9 KB",
        "999950, 1.0 MB",
        "27300000, 27.3 MB",
        "671000000000, 671.0 GB",
        "9223372036854775807, 9223372.0 TB"
    })
    void writesBytesInDecimalMultiples(long bytes, String text) {
        assertThat(Units.bytes(bytes)).isEqualTo(text);
    }
}
