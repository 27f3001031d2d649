package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ChatTemplateTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    @ParameterizedTest
    @ValueSource(strings = {"/golden/nano/nano_fp8.json", "/golden/nano/nano_bf16.json"})
    void rendersTheGoldenPromptsOfTheNanoModel(String golden) {
        JsonNode config = Goldens.json("/models/nano/tokenizer_config.json");
        ChatTemplate template = ChatTemplate.parse(config.get("chat_template").stringValue(), "tokenizer_config.json");
        Tokenizer tokenizer = Goldens.nano();
        JsonNode cases = Goldens.json(golden).get("cases");
        assertThat(cases.size()).isGreaterThan(10);
        for (JsonNode each : cases) {
            Map<String, Object> variables = new LinkedHashMap<>();
            for (String name : List.of("messages", "tools", "thinking")) {
                if (each.has(name)) {
                    variables.put(name, MAPPER.treeToValue(each.get(name), Object.class));
                }
            }
            variables.put("add_generation_prompt", true);
            variables.put("bos_token", config.get("bos_token").stringValue());
            variables.put("eos_token", config.get("eos_token").stringValue());
            String prompt = template.render(variables);
            assertThat(prompt).isEqualTo(each.get("prompt").stringValue());
            assertThat(tokenizer.encode(prompt)).isEqualTo(Goldens.ids(each.get("prompt_ids")));
        }
    }

    @Test
    void saysWhereATemplateIsWrong() {
        TemplateException error = catchThrowableOfType(
                TemplateException.class, () -> ChatTemplate.parse("line one\n  {% if x %}{{ y | }}", "my.jinja"));
        assertThat(error).hasMessageStartingWith("my.jinja, line 2, column 20: expected");
        assertThat(error.line()).isEqualTo(2);
        assertThat(error.column()).isEqualTo(20);
        assertThat(error.isRaisedByTemplate()).isFalse();
    }

    @Test
    void saysWhereRenderingFails() {
        ChatTemplate template = ChatTemplate.parse("a\n{{ messages[0].content + 1 }}", "my.jinja");
        Map<String, Object> variables = Map.of("messages", List.of(Map.of("content", "x")));
        TemplateException error = catchThrowableOfType(TemplateException.class, () -> template.render(variables));
        assertThat(error).hasMessage("my.jinja, line 2, column 24: can only concatenate str (not \"int\") to str");
        assertThat(error.reason()).isEqualTo("can only concatenate str (not \"int\") to str");
    }

    @Test
    void passesOnWhatATemplateRaises() {
        ChatTemplate template = ChatTemplate.parse("{{ raise_exception('Roles must alternate') }}", "t");
        TemplateException error = catchThrowableOfType(TemplateException.class, () -> template.render(Map.of()));
        assertThat(error.isRaisedByTemplate()).isTrue();
        assertThat(error.reason()).isEqualTo("Roles must alternate");
    }

    @Test
    void refusesWhatItDoesNotSupportByName() {
        for (String template : List.of(
                "{% include 'a' %}",
                "{% block a %}{% endblock %}", "{% import 'a' as b %}", "{% autoescape true %}", "{% trans %}")) {
            TemplateException error =
                    catchThrowableOfType(TemplateException.class, () -> ChatTemplate.parse(template, "t"));
            assertThat(error).as(template).hasMessageContaining("unknown or not supported");
        }
        for (String template : List.of(
                "{{ 'a' | pprint }}", "{{ 'a'.encode() }}", "{{ 1 is nothing }}", "{{ ('a' | safe).upper() }}")) {
            TemplateException error = catchThrowableOfType(
                    TemplateException.class,
                    () -> ChatTemplate.parse(template, "t").render(Map.of()));
            assertThat(error).as(template).isNotNull();
        }
    }
}
