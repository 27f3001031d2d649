package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.text.answer.Answer;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The embedded model thinks and calls tools over a real socket. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NanoToolsTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final JsonNode WEATHER = JSON.readTree("{\"type\": \"function\", \"function\": {\"name\":"
            + " \"get_weather\", \"description\": \"Get the current weather of a city\", \"parameters\": {\"type\":"
            + " \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}}");
    private static final JsonNode SUM = JSON.readTree("{\"type\": \"function\", \"function\": {\"name\":"
            + " \"add_numbers\", \"description\": \"Add two numbers\", \"parameters\": {\"type\": \"object\","
            + " \"properties\": {\"a\": {\"type\": \"integer\"}, \"b\": {\"type\": \"integer\"}}, \"required\":"
            + " [\"a\", \"b\"]}}}");

    private NanoServer server;

    @BeforeAll
    void start() {
        server = NanoServer.start(config -> config);
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void asksForTheWeatherAndTellsIt(boolean thinking, boolean stream) {
        ObjectNode request = request("How is the weather in Oslo today?", thinking, WEATHER);
        Answer call = answer(request, stream, "tool_calls");
        assertThat(call.content()).isEmpty();
        assertThat(call.reasoning().isEmpty()).isEqualTo(!thinking);
        assertThat(call.calls()).containsExactly(new Answer.Call("get_weather", "{\"city\": \"Oslo\"}"));

        ArrayNode messages = (ArrayNode) request.get("messages");
        ObjectNode said = messages.addObject().put("role", "assistant").putNull("content");
        ObjectNode made =
                said.putArray("tool_calls").addObject().put("id", "c1").put("type", "function");
        made.putObject("function")
                .put("name", call.calls().getFirst().name())
                .put("arguments", call.calls().getFirst().arguments());
        messages.addObject()
                .put("role", "tool")
                .put("tool_call_id", "c1")
                .put("content", "{\"temperature\": 7, \"sky\": \"rainy\"}");
        assertThat(answer(request, stream, "stop"))
                .isEqualTo(new Answer("", "It is 7 degrees and rainy in Oslo.", List.of()));
    }

    @Test
    void choosesAmongTools() {
        ObjectNode request = request("Add 1204 and 77 with the tool.", true, WEATHER, SUM);
        Answer answer = answer(request, true, "tool_calls");
        assertThat(answer.reasoning()).isEqualTo("I need add_numbers.");
        assertThat(answer.calls()).containsExactly(new Answer.Call("add_numbers", "{\"a\": 1204, \"b\": 77}"));
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void callsTheFunctionThatIsDemanded(boolean thinking, boolean stream) {
        ObjectNode request = request("What is the capital of Norway?", thinking, WEATHER, SUM);
        ObjectNode choice = request.putObject("tool_choice").put("type", "function");
        choice.putObject("function").put("name", "get_weather");
        Answer answer = answer(request, stream, "tool_calls");
        assertThat(answer.calls()).extracting(Answer.Call::name).containsExactly("get_weather");
        request.put("tool_choice", "required");
        assertThat(answer(request, stream, "tool_calls").calls()).isNotEmpty();
    }

    @Test
    void endsItsThoughtsWhereTheyGetTooLong() {
        ObjectNode request = request("What is 4821 + 3977?", true).put("max_thinking_tokens", 6);
        JsonNode whole = server.http.post(CHAT, request.toString()).json();
        Answer answer = ChatReplies.whole(whole, 0);
        assertThat(answer.reasoning()).isEqualTo("ones: 1+7");
        assertThat(answer.content()).isNotEmpty();
        assertThat(whole.at("/usage/reasoning_tokens").intValue()).isEqualTo(7);
        assertThat(answer(request, true, "stop")).isEqualTo(answer);
        request.put("max_thinking_tokens", 0);
        assertThat(answer(request, false, "stop").reasoning()).isEmpty();
        request.put("max_thinking_tokens", 4000);
        assertThat(answer(request, false, "stop").content()).isEqualTo("4821 + 3977 = 8798");
    }

    private static ObjectNode request(String question, boolean thinking, JsonNode... tools) {
        ObjectNode request = JSON.createObjectNode().put("temperature", 0).put("max_tokens", 200);
        request.putArray("messages").addObject().put("role", "user").put("content", question);
        request.putObject("chat_template_kwargs").put("thinking", thinking);
        if (tools.length > 0) {
            request.putArray("tools").addAll(List.of(tools));
        }
        return request;
    }

    private Answer answer(ObjectNode request, boolean stream, String finishReason) {
        if (stream) {
            List<JsonNode> frames = server.http.stream(
                    CHAT, request.deepCopy().put("stream", true).toString());
            assertThat(ChatReplies.finishReason(frames)).isEqualTo(finishReason);
            return ChatReplies.streamed(frames, 0);
        }
        var reply = server.http.post(CHAT, request.toString());
        assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        assertThat(reply.json().at("/choices/0/finish_reason").stringValue())
                .as(reply.body())
                .isEqualTo(finishReason);
        return ChatReplies.whole(reply.json(), 0);
    }
}
