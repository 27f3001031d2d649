package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class FlagTableTest {
    private final FlagTable table = FlagTable.load();

    @Test
    void listsEveryFlagOfTheReference() throws IOException {
        List<String> reference;
        try (InputStream in = getClass().getResourceAsStream("/golden/sglang-flags/reference.txt")) {
            reference = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .toList();
        }
        assertThat(reference).hasSizeGreaterThan(100);
        assertThat(reference)
                .filteredOn(name -> table.find(name).isEmpty())
                .as("flags missing from the table")
                .isEmpty();
    }

    @Test
    void saysWhyInASentenceWhereAFlagIsNotServed() {
        assertThat(table.flags())
                .filteredOn(flag -> flag.state() != Flag.State.SERVED)
                .allSatisfy(flag ->
                        assertThat(flag.text()).as(flag.name()).endsWith(".").hasSizeGreaterThan(10));
    }

    @Test
    void namesFlagsWithTwoDashes() {
        assertThat(table.flags())
                .flatExtracting(Flag::names)
                .allMatch(name -> name.matches("--[a-z0-9]+(-[a-z0-9]+)*"));
    }

    @Test
    void comparesDefaultsAsNumbersWhereTheyAreNumbers() {
        Flag flag = table.find("--swa-full-tokens-ratio").orElseThrow();
        assertThat(flag.isDefault("0.80")).isTrue();
        assertThat(flag.isDefault("8e-1")).isTrue();
        assertThat(flag.isDefault("0.3")).isFalse();
        assertThat(flag.isDefault("four fifths")).isFalse();
    }

    @Test
    void refusesATableThatNamesAFlagTwice() {
        String row = "--one,--two\tvalue\t-\tserved\t-\n";
        assertThatThrownBy(() -> FlagTable.parse(row + "--two\tswitch\t-\tserved\t-\n"))
                .hasMessageContaining("--two twice");
    }

    @Test
    void refusesALineOfTooFewCells() {
        assertThatThrownBy(() -> FlagTable.parse("--one\tvalue\n")).hasMessageContaining("five cells");
    }
}
