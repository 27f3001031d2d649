package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** DeepSeek-V3.2's prompts against those of its published encoder. */
class DeepSeekV32PromptTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private final ChatTemplate format = ChatTemplate.deepSeekV32();

    private static Map<String, Object> variables(JsonNode chat) {
        Map<String, Object> variables = new LinkedHashMap<>();
        for (String name : List.of("messages", "tools", "thinking")) {
            if (!chat.path(name).isNull()) {
                variables.put(name, MAPPER.treeToValue(chat.get(name), Object.class));
            }
        }
        return variables;
    }

    /** A developer's turn that is not the last one: with thinking the published encoder loses it and then its count. */
    private static boolean losesATurn(JsonNode chat) {
        return chat.get("refusal").stringValue().contains("out of range");
    }

    @Test
    void equalsThePublishedEncoder() {
        int prompts = 0;
        int refusals = 0;
        for (JsonNode chat : Goldens.json("/golden/deepseek-v32/prompts.json").get("cases")) {
            if (chat.has("prompt")) {
                assertThat(format.render(variables(chat)))
                        .as("%s", chat)
                        .isEqualTo(chat.get("prompt").stringValue());
                prompts++;
            } else if (!losesATurn(chat)) {
                assertThatThrownBy(() -> format.render(variables(chat)))
                        .as("%s", chat)
                        .isInstanceOf(TemplateException.class)
                        .hasMessageStartingWith("the DeepSeek-V3.2 chat format: messages[");
                refusals++;
            }
        }
        assertThat(prompts).isGreaterThan(100);
        assertThat(refusals).isGreaterThan(10);
    }

    @Test
    void saysWhatIsWrongAndWhatToDo() {
        assertThatThrownBy(() -> format.render(Map.of(
                        "thinking",
                        true,
                        "messages",
                        List.of(
                                Map.of("role", "user", "content", "Hi"),
                                Map.of("role", "assistant", "content", "Yes")))))
                .isInstanceOfSatisfying(
                        TemplateException.class,
                        e -> assertThat(e.isRaisedByTemplate()).isTrue())
                .hasMessageContaining("messages[1]")
                .hasMessageContaining("send its reasoning_content");
        assertThatThrownBy(() ->
                        format.render(Map.of("messages", List.of(Map.of("role", "latest_reminder", "content", "L")))))
                .hasMessageContaining("messages[0] has the role latest_reminder")
                .hasMessageContaining("send system, developer, user, assistant or tool");
    }

    @Test
    void keepsADevelopersEarlierTurn() {
        List<Map<String, String>> messages = List.of(
                Map.of("role", "developer", "content", "Be kind."),
                Map.of("role", "assistant", "content", "Gladly."),
                Map.of("role", "user", "content", "Hi"));
        assertThat(format.render(Map.of("messages", messages, "thinking", true)))
                .isEqualTo("<｜begin▁of▁sentence｜><｜User｜>\n\n# The user's message is: Be kind.<｜Assistant｜></think>"
                        + "Gladly.<｜end▁of▁sentence｜><｜User｜>Hi<｜Assistant｜><think>");
    }
}
