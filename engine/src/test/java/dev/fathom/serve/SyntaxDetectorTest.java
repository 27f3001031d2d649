package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.text.ChatTemplate;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyntaxDetectorTest {
    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "nano, DEEPSEEK_V3, DEEPSEEK_V31",
                "v31, DEEPSEEK_V3, DEEPSEEK_V31",
                "r1, DEEPSEEK_R1, DEEPSEEK_V3",
                "v3, none, DEEPSEEK_V3",
                "v2, none, none"
            })
    void readsTheSyntaxOffTheTemplate(
            String name, @Nullable ReasoningFormat reasoning, @Nullable ToolCallFormat toolCalls) {
        assertThat(detect(template(name))).isEqualTo(new AnswerSyntax(reasoning, toolCalls));
    }

    @Test
    void knowsReasoningThatIsForgottenButNotOpened() {
        String template =
                "{% for m in messages %}{{ m['role'] ~ ':' ~ m['content'].split('</think>')[-1] }}{% endfor %}";
        assertThat(detect(template)).isEqualTo(new AnswerSyntax(ReasoningFormat.DEEPSEEK_R1, null));
    }

    @Test
    void knowsTheTagsOfV32() {
        String template = "{% for m in messages %}{% for c in m['tool_calls'] or [] %}{{ '<｜DSML｜function_calls>\\n"
                + "<｜DSML｜invoke name=\"' ~ c['function']['name'] ~ '\">\\n</｜DSML｜invoke>' }}{% endfor %}{% endfor %}";
        assertThat(detect(template)).isEqualTo(new AnswerSyntax(null, ToolCallFormat.DEEPSEEK_V32));
    }

    @Test
    void knowsV32ByItsOwnFormat() {
        assertThat(detect(ChatTemplate.deepSeekV32()))
                .isEqualTo(new AnswerSyntax(ReasoningFormat.DEEPSEEK_V3, ToolCallFormat.DEEPSEEK_V32));
    }

    @Test
    void takesATemplateThatRefusesEverythingForPlain() {
        assertThat(detect("{{ raise_exception('no') }}")).isEqualTo(AnswerSyntax.PLAIN);
    }

    private static AnswerSyntax detect(String template) {
        return detect(ChatTemplate.parse(template, "test"));
    }

    private static AnswerSyntax detect(ChatTemplate template) {
        ServedModel nano = NanoText.model();
        return new ServedModel(
                        nano.name(),
                        nano.modelPath(),
                        nano.tokenizerPath(),
                        nano.contextLength(),
                        nano.vocabularySize(),
                        nano.endTokenIds(),
                        nano.tokenizerFor("test"),
                        template,
                        nano.bosText(),
                        nano.eosText(),
                        nano.addBos(),
                        nano.defaults(),
                        nano.priorities(),
                        AnswerSyntax.PLAIN,
                        Map.of())
                .detectSyntax();
    }

    private static String template(String name) {
        try (InputStream in =
                SyntaxDetectorTest.class.getResourceAsStream("/golden/jinja/templates/" + name + ".jinja")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
