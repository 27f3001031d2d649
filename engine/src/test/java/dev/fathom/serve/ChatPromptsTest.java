package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.api.RequestException;
import dev.fathom.text.ChatTemplate;
import dev.fathom.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ChatPromptsTest {
    private static final String CALLS = "{%- for m in messages -%}{%- for c in m['tool_calls'] or [] -%}";
    private static final String END = "{%- endfor -%}{%- endfor -%}";

    @Test
    void givesToolCallArgumentsAsAnObject() {
        String template = CALLS + "{{ c['function']['arguments']['city'] }}" + END;
        assertThat(render(template, "{\"city\": \"Oslo\"}")).isEqualTo("Oslo");
    }

    @Test
    void givesToolCallArgumentsAsTextToTemplatesThatAddThem() {
        String template = CALLS + "{{ c['function']['arguments'] + '!' }}" + END;
        assertThat(render(template, "{\"city\": \"Oslo\"}")).isEqualTo("{\"city\": \"Oslo\"}!");
    }

    @Test
    void givesArgumentsThatAreNotJsonAsText() {
        assertThat(render(CALLS + "{{ c['function']['arguments'] }}" + END, "{broken"))
                .isEqualTo("{broken");
    }

    @Test
    void continuesTheLastMessage() {
        var prompts = new ChatPrompts(NanoText.model());
        String prompt = prompts.render(
                        request(List.of(message("user", "Hi"), message("assistant", "Hello, my name")), true))
                .text();
        assertThat(prompt).isEqualTo("<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜></think>Hello, my name");
    }

    @Test
    void refusesToContinueTheUser() {
        var prompts = new ChatPrompts(NanoText.model());
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> prompts.render(request(List.of(message("user", "Hi")), true)))
                .withMessageContaining("continue_final_message needs the assistant's message");
    }

    @Test
    void passesOnWhatTheTemplateRefuses() {
        var model = withTemplate("{{ raise_exception('roles must alternate') }}");
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> new ChatPrompts(model).render(request(List.of(message("user", "Hi")), false)))
                .withMessageContaining("roles must alternate");
    }

    @Test
    void saysThatThereIsNoTemplate() {
        var model = NanoText.model(null, SamplingFields.NONE);
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> new ChatPrompts(model).render(request(List.of(message("user", "Hi")), false)))
                .withMessageContaining("no chat template");
    }

    private static String render(String template, String arguments) {
        Map<String, @Nullable Object> function = new LinkedHashMap<>();
        function.put("name", "weather");
        function.put("arguments", arguments);
        Map<String, @Nullable Object> message = message("assistant", "");
        message.put("tool_calls", List.of(Map.of("type", "function", "function", function)));
        return new ChatPrompts(withTemplate(template))
                .render(request(List.of(message), false))
                .text();
    }

    private static ServedModel withTemplate(String template) {
        ServedModel nano = NanoText.model();
        Tokenizer tokenizer = nano.tokenizerFor("test");
        return new ServedModel(
                nano.name(),
                nano.modelPath(),
                nano.tokenizerPath(),
                nano.contextLength(),
                nano.vocabularySize(),
                nano.endTokenIds(),
                tokenizer,
                ChatTemplate.parse(template, "test"),
                nano.bosText(),
                nano.eosText(),
                nano.addBos(),
                nano.defaults(),
                nano.priorities(),
                nano.syntax(),
                Map.of());
    }

    private static ChatRequest request(List<Map<String, @Nullable Object>> messages, boolean continueFinal) {
        return new ChatRequest(
                "a",
                messages,
                List.of(),
                Map.of(),
                continueFinal,
                SamplingFields.NONE,
                Logprobs.NONE,
                0,
                "",
                1,
                AnswerOptions.DEFAULT);
    }

    private static Map<String, @Nullable Object> message(String role, String content) {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }
}
