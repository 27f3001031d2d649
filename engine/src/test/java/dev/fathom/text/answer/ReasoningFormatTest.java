package dev.fathom.text.answer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReasoningFormatTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                // format|open|text|reasoning|content
                "DEEPSEEK_V3|true|a</think>b|a|b",
                "DEEPSEEK_V3|true|no end|no end|''",
                "DEEPSEEK_V3|true|<think>a</think>b|a|b",
                "DEEPSEEK_V3|true| <thin</think>b| <thin|b",
                "DEEPSEEK_V3|true|</think>b|''|b",
                "DEEPSEEK_V3|true| </think>b|' '|b",
                "DEEPSEEK_V3|true|a</think></think>b|a|</think>b",
                "DEEPSEEK_V3|true|a</thin|a</thin|''",
                "DEEPSEEK_V3|true|a<</think>b|a<|b",
                "DEEPSEEK_V3|true|write `<think>` here</think>b|write `<think>` here|b",
                "DEEPSEEK_V3|false|plain|''|plain",
                "DEEPSEEK_V3|false| <think>a</think>b|a|b",
                "DEEPSEEK_V3|false|<think>a|a|''",
                "DEEPSEEK_V3|false|<thin|''|<thin",
                "DEEPSEEK_V3|false|' '|''|' '",
                "DEEPSEEK_V3|false|a</think>b|''|a</think>b",
                "DEEPSEEK_V3|false|`<think>` in code</think>|''|`<think>` in code</think>",
                "DEEPSEEK_V3|false|<<think>a</think>|''|<<think>a</think>"
            })
    void splitsAtTheMarks(ReasoningFormat format, boolean open, String text, String reasoning, String content) {
        Answer answer = Answer.of(text, AnswerReading.ofReasoning(format, open));
        assertThat(answer.reasoning()).isEqualTo(reasoning);
        assertThat(answer.content()).isEqualTo(content);
    }

    @Test
    void opensWhereThePromptSays() {
        String v31 = "<｜User｜>Hi<｜Assistant｜>";
        assertThat(ReasoningFormat.DEEPSEEK_V3.opensIn(v31 + "<think>")).isTrue();
        assertThat(ReasoningFormat.DEEPSEEK_V3.opensIn(v31 + "<think>\n")).isTrue();
        assertThat(ReasoningFormat.DEEPSEEK_V3.opensIn(v31 + "</think>")).isFalse();
        assertThat(ReasoningFormat.DEEPSEEK_V3.opensIn(v31)).isFalse();
        assertThat(ReasoningFormat.DEEPSEEK_R1.opensIn(v31)).isTrue();
        assertThat(ReasoningFormat.DEEPSEEK_R1.opensIn(v31 + "</think>\n\n")).isFalse();
        String result = "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>7<｜tool▁output▁end｜><｜tool▁outputs▁end｜>";
        assertThat(ReasoningFormat.DEEPSEEK_R1.opensIn(v31 + result)).isFalse();
    }

    @Test
    void goesOnInTextThatIsPutIntoTheModelsMouth() {
        ReasoningFormat format = ReasoningFormat.DEEPSEEK_V3;
        assertThat(format.opensAfter(true, "I think")).isTrue();
        assertThat(format.opensAfter(true, "I think</think>so")).isFalse();
        assertThat(format.opensAfter(false, "<think>I think")).isTrue();
        assertThat(format.opensAfter(false, "The answer")).isFalse();
    }

    @Test
    void hasSglangsNames() {
        assertThat(ReasoningFormat.named("deepseek-r1")).contains(ReasoningFormat.DEEPSEEK_R1);
        assertThat(ReasoningFormat.named("deepseek-v3")).contains(ReasoningFormat.DEEPSEEK_V3);
        assertThat(ReasoningFormat.named("deepseek-v3.1")).contains(ReasoningFormat.DEEPSEEK_V3);
        assertThat(ReasoningFormat.named("qwen")).isEmpty();
        assertThat(ReasoningFormat.allNames()).isEqualTo("deepseek-r1, deepseek-v3, deepseek-v3.1, deepseek-v3.2");
    }
}
