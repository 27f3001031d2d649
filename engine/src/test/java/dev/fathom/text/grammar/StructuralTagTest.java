package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.TokenMask;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Special tokens in structural tags, and what is refused; masks of plain text are compared with xgrammar's. */
class StructuralTagTest {
    private static final String OPEN = "<｜tool▁calls▁begin｜>";
    private static final String CLOSE = "<｜tool▁calls▁end｜>";
    private static final String OTHER = "<｜tool▁sep｜>";
    private static final Vocabulary MARKED = Vocabulary.withMarks(OPEN, CLOSE, OTHER);
    private static final String TRIGGERED = format("""
            {"type": "triggered_tags", "triggers": ["%s"], "stop_after_first": true, "tags": [
              {"type": "tag", "begin": "%s", "end": "%s", "content": {"type": "json_schema", "json_schema":
                {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]}""".formatted(OPEN, OPEN, CLOSE));

    @Test
    void findsSpecialTokens() {
        CompiledGrammar grammar = MARKED.structuralTag(TRIGGERED);
        assertThat(MARKED.accepts(grammar, "Let me see. " + OPEN + "{\"city\": \"Oslo\"}" + CLOSE))
                .isTrue();
        assertThat(MARKED.accepts(grammar, OPEN + "{\"city\": \"Oslo\"}" + CLOSE))
                .isTrue();
        assertThat(MARKED.accepts(grammar, "No call.")).isTrue();
        assertThat(MARKED.accepts(grammar, OPEN + "{\"town\": \"Oslo\"}" + CLOSE))
                .isFalse();
        assertThat(MARKED.accepts(grammar, OPEN + "{\"city\": \"Oslo\"}")).isFalse();
        assertThat(MARKED.accepts(grammar, OPEN + "{\"city\": \"Oslo\"}" + CLOSE + "more"))
                .isFalse();
    }

    @Test
    void allowsEverySpecialTokenInFreeTextAndNoneInStrings() {
        CompiledGrammar grammar = MARKED.structuralTag(TRIGGERED);
        TokenMask mask = MARKED.begin(grammar);
        int other = MARKED.tokenizer.id(OTHER).orElseThrow();
        assertThat(Vocabulary.allows(mask, other)).isTrue();
        for (int id : MARKED.tokenizer.encode(OPEN + "{\"city\": \"Os")) {
            assertThat(Vocabulary.allows(mask, id)).isTrue();
            mask.accept(id);
        }
        assertThat(Vocabulary.allows(mask, other)).isFalse();
        assertThat(Vocabulary.allows(mask, MARKED.tokenizer.id(CLOSE).orElseThrow()))
                .isFalse();
    }

    /** Bytes that happen to look like what stands for a special token are none. */
    @Test
    void takesNoTextForASpecialToken() {
        CompiledGrammar grammar =
                MARKED.structuralTag(format("{\"type\": \"const_string\", \"value\": \"" + OPEN + "\"}"));
        long[] allowed = Objects.requireNonNull(MARKED.begin(grammar).allowed());
        long count = 0;
        for (long word : allowed) {
            count += Long.bitCount(word);
        }
        assertThat(count).isEqualTo(1);
        assertThat(Vocabulary.allows(
                        MARKED.begin(grammar), MARKED.tokenizer.id(OPEN).orElseThrow()))
                .isTrue();
        CompiledGrammar schema = MARKED.schema("{\"type\": \"string\"}");
        assertThat(MARKED.accepts(schema, "\"" + OPEN + "\"")).isFalse();
    }

    @Test
    void asksForASpecialTokenByItsText() {
        CompiledGrammar grammar = MARKED.structuralTag(
                format("{\"type\": \"sequence\", \"elements\": [{\"type\": \"token\", \"token\": \"" + OPEN
                        + "\"}, {\"type\": \"any_text\", \"max_chars\": 3}]}"));
        assertThat(MARKED.accepts(grammar, OPEN + "abc")).isTrue();
        assertThat(MARKED.accepts(grammar, OPEN + "abcd")).isFalse();
        assertThat(MARKED.accepts(grammar, "abc")).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"type": "nope"} | structural_tag.format.type "nope" is not known.
            {"type": "any_tokens"} | structural_tag.format has the type any_tokens, which is not supported.
            {"type": "any_text", "max_tokens": 3} | structural_tag.format.max_tokens is not supported, got 3.
            {"type": "any_text", "foo": 3} | structural_tag.format.foo is not supported.
            {"type": "const_string"} | structural_tag.format.value is missing: a text must be there.
            {"type": "or", "elements": []} | structural_tag.format.elements is empty
            {"type": "token", "token": "cat"} | structural_tag.format.token must be the text of a special token
            {"type": "tag", "begin": "<", "content": {"type": "any_text"}, "end": ""} | its content is any text: say where it ends.
            {"type": "triggered_tags", "triggers": ["<a"], "tags": [{"begin": "<b", "content": {"type": "any_text"}, "end": ">"}]} | must begin with exactly one of the triggers, it begins with 0.
            {"type": "triggered_tags", "triggers": ["<｜tool"], "tags": [{"begin": "<｜tool▁sep｜>", "content": {"type": "any_text"}, "end": ">"}]} | it begins with 0.
            {"type": "json_schema", "json_schema": {"not": {}}} | not
            {"type": "json_schema", "json_schema": {}, "style": "glm_xml"} | .style must be json or deepseek_xml
            {"type": "json_schema", "json_schema": {}, "any_order": true} | .any_order is not supported, got true.
            """)
    void refusesByName(String tag, String sentence) {
        assertThatThrownBy(() -> MARKED.structuralTag(format(tag)))
                .isInstanceOf(GrammarException.class)
                .hasMessageContaining(sentence);
    }

    private static String format(String format) {
        return "{\"type\": \"structural_tag\", \"format\": " + format + "}";
    }
}
