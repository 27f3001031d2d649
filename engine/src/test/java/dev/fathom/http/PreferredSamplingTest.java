package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.RequestException;
import dev.fathom.serve.SamplingFields;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreferredSamplingTest {
    @Test
    void comesBetweenTheRequestAndTheModel() {
        SamplingFields preferred = PreferredSampling.parse("{\"temperature\": 0.2, \"stop\": \"END\", \"top_k\": 5}");
        SamplingFields request = SamplingFields.builder().temperature(0.9f).build();
        SamplingFields model =
                SamplingFields.builder().temperature(0.6f).topP(0.95f).topK(9).build();
        assertThat(request.orElse(preferred.orElse(model)))
                .isEqualTo(SamplingFields.builder()
                        .temperature(0.9f)
                        .topP(0.95f)
                        .topK(5)
                        .stop(List.of("END"))
                        .build());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ | it is not valid JSON",
                "7 | it must be a JSON object, got 7.",
                "{\"temperature\": \"hot\"} | temperature must be a number",
                "{\"temperature\": -1} | temperature must be non-negative",
                "{\"repetition_penalty\": 3} | repetition_penalty must be in (0, 2]",
                "{\"max_new_tokens\": 4, \"min_new_tokens\": 5} | min_new_tokens must be in [0, 4]",
                "{\"max_tokens\": 4} | max_tokens",
            })
    void refusesWhatARequestCouldNotAskFor(String json, String sentence) {
        assertThatThrownBy(() -> PreferredSampling.parse(json))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining(sentence);
    }
}
