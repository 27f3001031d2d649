package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

class JsonFaultTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{ | Unexpected end-of-input: expected close marker for Object (line 1, column 2)",
                "NaN | Non-standard token 'NaN' (line 1, column 4)",
                "[1 2] | Unexpected character ('2' (code 50)): was expecting comma to separate Array entries (line 1, column 4)"
            })
    void saysWhatIsWrongAndWhereWithoutTheParsersOwnWords(String text, String said) {
        var fault = catchThrowableOfType(
                JacksonException.class, () -> JsonMapper.shared().readTree(text));
        assertThat(JsonFault.describe(fault)).isEqualTo(said);
    }

    @Test
    void keepsTheBoundOfADeepText() {
        var fault = catchThrowableOfType(
                JacksonException.class, () -> JsonMapper.shared().readTree("[".repeat(100_000)));
        assertThat(JsonFault.describe(fault))
                .contains("exceeds the maximum allowed (")
                .doesNotContain("`", "\n");
    }
}
