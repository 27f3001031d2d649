package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.RequestException;
import dev.fathom.api.TokenConstraint;
import dev.fathom.api.TokenMask;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.answer.ToolCallFormat;
import dev.fathom.text.grammar.GrammarOptions;
import dev.fathom.text.grammar.GrammarSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.json.JsonMapper;

/** What answers with tools are held to, in every format of calls: which texts the model could write, token by token. */
class StrictToolsTest {
    private static final String CITY = """
            {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"], "additionalProperties": false}""";
    private static final String SUM = """
            {"type": "object", "properties": {"unit": {"enum": ["m", "s"]}, "of": {"type": "array", "items": {"type": "number"}}},
            "required": ["unit", "of"], "additionalProperties": false}""";
    private static final ToolChoice AUTO = new ToolChoice.Auto();

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @ParameterizedTest
    @EnumSource(ToolCallFormat.class)
    void holdsCallsOfStrictFunctionsToTheirSchemas(ToolCallFormat format) {
        var asked = new Asked(format, List.of(tool("weather", CITY, true), tool("sum", SUM, true)), AUTO);
        String oslo = call(format, "weather", "city", "\"Oslo\"", "days", "2");
        String sum = call(format, "sum", "unit", "\"m\"", "of", "[1, 2.5]");
        assertThat(asked.allows("Just text, with { and < in it.")).isTrue();
        assertThat(asked.allows(block(format, oslo))).isTrue();
        assertThat(asked.allows("Let me see.\n\n" + block(format, oslo, sum))).isTrue();
        assertThat(asked.allows(block(format, call(format, "weather", "city", "\"New \\\"York\\\"\""))))
                .isTrue();
        assertThat(asked.allows(block(format, call(format, "weather", "days", "2"))))
                .isFalse();
        assertThat(asked.allows(block(format, call(format, "weather", "city", "\"Oslo\"", "days", "0"))))
                .isFalse();
        assertThat(asked.allows(block(format, call(format, "weather", "city", "\"Oslo\"", "unit", "\"m\""))))
                .isFalse();
        assertThat(asked.allows(block(format, call(format, "weather", "city", "3"))))
                .isFalse();
        assertThat(asked.allows(block(format, call(format, "sum", "unit", "\"kg\"", "of", "[]"))))
                .isFalse();
        assertThat(asked.allows(block(format, call(format, "other", "city", "\"Oslo\""))))
                .isFalse();
        assertThat(asked.allows(block(format, oslo) + " And more.")).isFalse();
        assertThat(asked.allows(block(format))).isFalse();
    }

    @ParameterizedTest
    @EnumSource(ToolCallFormat.class)
    void writesTheCallsThatAreDemanded(ToolCallFormat format) {
        List<Map<String, @Nullable Object>> tools = List.of(tool("weather", CITY, false), tool("sum", SUM, false));
        String oslo = call(format, "weather", "city", "\"Oslo\"");
        String sum = call(format, "sum", "unit", "\"s\"", "of", "[]");
        var required = new Asked(format, tools, new ToolChoice.Required());
        assertThat(required.allows(block(format, oslo))).isTrue();
        assertThat(required.allows(block(format, sum, oslo))).isTrue();
        assertThat(required.allows("No.")).isFalse();
        assertThat(required.allows("")).isFalse();
        assertThat(required.allows(block(format, call(format, "weather", "city", "3"))))
                .isFalse();
        var named = new Asked(format, tools, new ToolChoice.Named("sum"));
        assertThat(named.allows(block(format, sum))).isTrue();
        assertThat(named.allows(block(format, oslo))).isFalse();
        var single = new Asked(format, tools, new ToolChoice.Required(), false);
        assertThat(single.allows(block(format, sum))).isTrue();
        assertThat(single.allows(block(format, sum, oslo))).isFalse();
    }

    @ParameterizedTest
    @EnumSource(ToolCallFormat.class)
    void thinksBeforeTheCall(ToolCallFormat format) {
        var asked = new Asked(format, List.of(tool("weather", CITY, true)), new ToolChoice.Required());
        String call = block(format, call(format, "weather", "city", "\"Oslo\""));
        assertThat(asked.thinking().allows("I look at { \"it\". </think>" + call))
                .isTrue();
        assertThat(asked.thinking().allows("I look.</think>Hm. " + call)).isFalse();
        assertThat(asked.thinking().allows("I look.</think>")).isFalse();
    }

    @ParameterizedTest
    @EnumSource(ToolCallFormat.class)
    void answersInTheAskedFormOrCalls(ToolCallFormat format) {
        var asked = new Asked(format, List.of(tool("weather", CITY, false)), AUTO)
                .answering(new GrammarSource(GrammarSource.Kind.JSON_SCHEMA, SUM));
        assertThat(asked.allows("{\"unit\": \"m\", \"of\": []}")).isTrue();
        assertThat(asked.allows(block(format, call(format, "weather", "city", "\"Oslo\""))))
                .isTrue();
        assertThat(asked.allows("Text.")).isFalse();
        var regex = asked.answering(new GrammarSource(GrammarSource.Kind.REGEX, "[0-9]+"));
        assertThat(regex.allows("42")).isTrue();
        var tag = asked.answering(new GrammarSource(
                GrammarSource.Kind.STRUCTURAL_TAG, "{\"format\": {\"type\": \"const_string\", \"value\": \"yes\"}}"));
        assertThat(tag.allows("yes")).isTrue();
        var ebnf = asked.answering(new GrammarSource(GrammarSource.Kind.EBNF, "root ::= \"no\""));
        assertThat(ebnf.allows("no")).isTrue();
    }

    @Test
    void leavesCallsFreeThatNobodyHolds() {
        var asked = new Asked(ToolCallFormat.DEEPSEEK_V31, List.of(tool("weather", CITY, false)), AUTO);
        assertThat(asked.constraint()).isNull();
    }

    @Test
    void holdsAllCallsWhereTheServerIsStrict() {
        ToolCallFormat format = ToolCallFormat.DEEPSEEK_V31;
        var asked = new Asked(format, List.of(tool("weather", CITY, false)), AUTO);
        String wrong = block(format, call(format, "weather", "town", "\"Oslo\""));
        String right = block(format, call(format, "weather", "city", "\"Oslo\""));
        String unknown = block(format, call(format, "wether", "city", "\"Oslo\""));
        var function = asked.on(ToolStrictness.FUNCTION);
        assertThat(function.allows(wrong)).isTrue();
        assertThat(function.allows(unknown)).isFalse();
        var parameter = asked.on(ToolStrictness.PARAMETER);
        assertThat(parameter.allows(wrong)).isFalse();
        assertThat(parameter.allows(right)).isTrue();
    }

    @ParameterizedTest
    @EnumSource(ToolCallFormat.class)
    void refusesStrictSchemasThatCannotBeEnforced(ToolCallFormat format) {
        String schema = "{\"type\": \"object\", \"properties\": {\"a\": {\"not\": {}}}}";
        var strict = new Asked(format, List.of(tool("ok", CITY, true), tool("f", schema, true)), AUTO);
        assertThatThrownBy(strict::constraint)
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("tools[1].function is strict, but its parameters cannot be enforced: ")
                .hasMessageContaining("not is not supported");
        var demanded = new Asked(format, List.of(tool("f", schema, false)), new ToolChoice.Required());
        assertThat(demanded.allows(block(format, call(format, "f", "b", "[1]"))))
                .isTrue();
    }

    @Test
    void needsGrammarsForWhatIsDemanded() {
        var asked = new Asked(
                ToolCallFormat.DEEPSEEK_V31, List.of(tool("weather", CITY, false)), new ToolChoice.Required());
        assertThatThrownBy(() -> asked.constraint(null))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("--grammar-backend none");
    }

    /** A request, and what its answer must follow. */
    private final class Asked {
        private final ToolCallFormat format;
        private final List<Map<String, @Nullable Object>> tools;
        private final AnswerOptions options;
        private boolean thinking;
        private @Nullable GrammarSource content;
        private ToolStrictness strictness = ToolStrictness.REQUESTED;

        Asked(ToolCallFormat format, List<Map<String, @Nullable Object>> tools, ToolChoice choice) {
            this(format, tools, choice, true);
        }

        Asked(ToolCallFormat format, List<Map<String, @Nullable Object>> tools, ToolChoice choice, boolean parallel) {
            this.format = format;
            this.tools = tools;
            this.options = new AnswerOptions(true, choice, parallel);
        }

        Asked thinking() {
            thinking = true;
            return this;
        }

        Asked answering(GrammarSource newContent) {
            content = newContent;
            return this;
        }

        Asked on(ToolStrictness newStrictness) {
            strictness = newStrictness;
            return this;
        }

        @Nullable
        TokenConstraint constraint() {
            return constraint(GrammarOptions.DEFAULT);
        }

        @Nullable
        TokenConstraint constraint(@Nullable GrammarOptions grammars) {
            var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
            ServedModel model = NanoText.model().withSyntax(new AnswerSyntax(ReasoningFormat.DEEPSEEK_V3, format));
            var request = new ChatRequest(
                    "r",
                    List.of(Map.of("role", "user", "content", "Hi")),
                    tools,
                    Map.of("thinking", thinking),
                    false,
                    SamplingFields.builder().grammar(content).build(),
                    Logprobs.NONE,
                    0,
                    "",
                    1,
                    options);
            var service = new TextService(model, generator, grammars, strictness, GrammarListener.NONE);
            try (TextStream stream = service.chat(request)) {
                assertThat(stream.size()).isEqualTo(1);
            }
            return generator.submitted.getFirst().constraint();
        }

        boolean allows(String answer) {
            TokenMask mask = Objects.requireNonNull(constraint()).begin();
            for (int id : tokenizer.encode(answer)) {
                if (!allows(mask, id)) {
                    return false;
                }
                mask.accept(id);
            }
            long[] allowed = mask.allowed();
            return allowed != null && allows(mask, NanoText.EOS);
        }

        private static boolean allows(TokenMask mask, int id) {
            long[] allowed = mask.allowed();
            return allowed == null || (allowed[id >>> 6] >>> id & 1) != 0;
        }
    }

    private static Map<String, @Nullable Object> tool(String name, String schema, boolean strict) {
        Map<?, ?> parameters = JsonMapper.shared().readValue(schema, Map.class);
        return Map.of(
                "type",
                "function",
                "function",
                Map.of("name", name, "description", "", "parameters", parameters, "strict", strict));
    }

    /** @param arguments names and JSON values in turn */
    private static String call(ToolCallFormat format, String name, String... arguments) {
        StringBuilder text = new StringBuilder(format.callStart(name));
        for (int i = 0; i < arguments.length; i += 2) {
            if (format.taggedArguments()) {
                boolean string = arguments[i + 1].startsWith("\"");
                String value =
                        string ? JsonMapper.shared().readValue(arguments[i + 1], String.class) : arguments[i + 1];
                text.append("<｜DSML｜parameter name=\"" + arguments[i] + "\" string=\"" + string + "\">" + value
                        + "</｜DSML｜parameter>\n");
            } else {
                text.append((i == 0 ? "{" : ", ") + "\"" + arguments[i] + "\": " + arguments[i + 1]);
            }
        }
        return text + (format.taggedArguments() ? "" : "}") + format.afterArguments();
    }

    private static String block(ToolCallFormat format, String... calls) {
        return format.opening() + String.join(format.betweenCalls(), calls) + format.closing();
    }
}
