package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class AnthropicEndpointTest {
    private static final String MESSAGES = "/v1/messages";
    private static final String TOOLS =
            ", \"tools\": [{\"name\": \"get_weather\", \"input_schema\": {\"type\": \"object\"}}]";
    private static final String HI =
            "{\"model\": \"m\", \"max_tokens\": 50, \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
    private static final String CALL = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
            + "{\"city\": \"Oslo\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void answersInBlocks() {
        try (var server = TestServer.start(saying("I look.</think>Let me see." + CALL))) {
            JsonNode answer = server.post(MESSAGES, HI + TOOLS + ", \"thinking\": {\"type\": \"adaptive\"}}")
                    .json();
            assertThat(answer.get("id").stringValue()).startsWith("msg_");
            assertThat(answer.get("model").stringValue()).isEqualTo("m");
            assertThat(answer.at("/content/0/thinking").stringValue()).isEqualTo("I look.");
            assertThat(answer.at("/content/1/text").stringValue()).isEqualTo("Let me see.");
            assertThat(answer.at("/content/2/id").stringValue()).startsWith("toolu_");
            assertThat(answer.at("/content/2/input/city").stringValue()).isEqualTo("Oslo");
            assertThat(answer.get("stop_reason").stringValue()).isEqualTo("tool_use");
            assertThat(answer.get("stop_sequence").isNull()).isTrue();
        }
    }

    @Test
    void streamsNamedEventsInOrder() {
        try (var server = TestServer.start(saying("I look.</think>Let me see." + CALL))) {
            String body = HI + TOOLS + ", \"stream\": true, \"thinking\": {\"type\": \"enabled\"}}";
            List<JsonNode> events = named(server.post(MESSAGES, body).body());
            assertThat(kinds(events))
                    .containsExactly(
                            "message_start",
                            "content_block_start 0",
                            "ping",
                            "content_block_delta 0",
                            "content_block_stop 0",
                            "content_block_start 1",
                            "content_block_delta 1",
                            "content_block_stop 1",
                            "content_block_start 2",
                            "content_block_delta 2",
                            "content_block_stop 2",
                            "message_delta",
                            "message_stop");
            assertThat(joined(events, "thinking")).isEqualTo("I look.");
            assertThat(joined(events, "text")).isEqualTo("Let me see.");
            assertThat(joined(events, "partial_json")).isEqualTo("{\"city\": \"Oslo\"}");
            assertThat(events.get(events.size() - 2).at("/delta/stop_reason").stringValue())
                    .isEqualTo("tool_use");
        }
    }

    @Test
    void closesACallThatBreaksAndSendsItsTextAsText() {
        String damaged = CALL.replace("\"Oslo\"", "Oslo");
        try (var server = TestServer.start(saying(damaged))) {
            List<JsonNode> events = named(
                    server.post(MESSAGES, HI + TOOLS + ", \"stream\": true}").body());
            assertThat(joined(events, "text")).isEqualTo(damaged);
            assertThat(events.get(events.size() - 2).at("/delta/stop_reason").stringValue())
                    .isEqualTo("end_turn");
        }
    }

    @Test
    void saysWhyItStopped() {
        try (var server = TestServer.start(saying("one two three"))) {
            JsonNode answer = server.post(MESSAGES, HI + ", \"stop_sequences\": [\" two\"]}")
                    .json();
            assertThat(answer.get("stop_reason").stringValue()).isEqualTo("stop_sequence");
            assertThat(answer.get("stop_sequence").stringValue()).isEqualTo(" two");
            assertThat(answer.at("/content/0/text").stringValue()).isEqualTo("one");
        }
        int[] ids = tokenizer.encode("one");
        try (var server = TestServer.start(ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length)))) {
            assertThat(server.post(MESSAGES, HI + "}").json().get("stop_reason").stringValue())
                    .isEqualTo("max_tokens");
        }
    }

    @Test
    void failsInAnthropicsShapeBeforeAndInTheStream() {
        var broken = new GenerationEvent.Failed(new RequestException(ErrorCode.INTERNAL, "The step broke."));
        try (var server = TestServer.start(new ScriptedGenerator(request -> List.of(broken)))) {
            var reply = server.post(MESSAGES, HI + ", \"stream\": true}");
            assertThat(reply.status()).isEqualTo(500);
            assertThat(reply.json().at("/error/type").stringValue()).isEqualTo("api_error");
        }
        var late = new ScriptedGenerator(request -> {
            List<GenerationEvent> events = new ArrayList<>(ScriptedGenerator.tokens(tokenizer.encode("so far")));
            events.add(broken);
            return events;
        });
        try (var server = TestServer.start(late)) {
            List<JsonNode> events =
                    named(server.post(MESSAGES, HI + ", \"stream\": true}").body());
            assertThat(events.getLast().get("type").stringValue()).isEqualTo("error");
            assertThat(events.getLast().at("/error/message").stringValue()).isEqualTo("The step broke.");
        }
        var full = new ScriptedGenerator(ScriptedGenerator.SILENT);
        full.queueLimit = 0;
        try (var server = TestServer.start(full)) {
            var reply = server.post(MESSAGES, HI + "}");
            assertThat(reply.status()).isEqualTo(503);
            assertThat(reply.header("Retry-After")).isEqualTo("1");
            assertThat(reply.json().at("/error/type").stringValue()).isEqualTo("overloaded_error");
        }
    }

    @Test
    void takesTheKeyFromAnthropicsHeader() {
        try (var server = TestServer.start(saying("ok"), config -> config.apiKey("secret"))) {
            assertThat(server.post(MESSAGES, HI + "}").json().at("/error/type").stringValue())
                    .isEqualTo("authentication_error");
            assertThat(server.send("POST", MESSAGES, HI + "}", "x-api-key", "wrong")
                            .status())
                    .isEqualTo(401);
            assertThat(server.send("POST", MESSAGES, HI + "}", "x-api-key", "secret")
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void readsToolResultsAsOpenAisEndpointReadsThem() {
        var generator = saying("ok");
        try (var server = TestServer.start(generator)) {
            server.post(
                    MESSAGES,
                    "{\"max_tokens\": 5" + TOOLS + ", \"system\": [{\"type\": \"text\", \"text\": \"Be kind.\"}],"
                            + "\"messages\": [{\"role\": \"user\", \"content\": \"Weather?\"},"
                            + "{\"role\": \"assistant\", \"content\": [{\"type\": \"tool_use\", \"id\": \"c1\","
                            + " \"name\": \"get_weather\", \"input\": {\"city\": \"Oslo\"}}]},"
                            + "{\"role\": \"user\", \"content\": [{\"type\": \"tool_result\", \"tool_use_id\": \"c1\","
                            + " \"content\": [{\"type\": \"text\", \"text\": \"rain\"}]}]}]}");
            server.post(
                    "/v1/chat/completions",
                    "{\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"parameters\":"
                            + " {\"type\": \"object\"}}}], \"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"},"
                            + " {\"role\": \"user\", \"content\": \"Weather?\"}, {\"role\": \"assistant\", \"tool_calls\": [{"
                            + "\"id\": \"c1\", \"type\": \"function\", \"function\": {\"name\": \"get_weather\","
                            + " \"arguments\": \"{\\\"city\\\":\\\"Oslo\\\"}\"}}]}, {\"role\": \"tool\", \"tool_call_id\":"
                            + " \"c1\", \"content\": \"rain\"}]}");
            assertThat(prompt(generator, 0)).isEqualTo(prompt(generator, 1)).contains("rain");
        }
    }

    @Test
    void countsWhatItWouldRead() {
        var generator = saying("ok");
        try (var server = TestServer.start(generator)) {
            JsonNode counted = server.post(
                            MESSAGES + "/count_tokens", HI.replace("\"max_tokens\": 50, ", "") + TOOLS + "}")
                    .json();
            server.post(MESSAGES, HI + TOOLS + "}");
            assertThat(counted.get("input_tokens").intValue())
                    .isEqualTo(generator.submitted.getFirst().promptIds().length);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    "messages": []                                                    | messages is empty
                    "messages": [{"role": "tool", "content": "x"}]                    | messages[0].role must be
                    "messages": [{"role": "user"}]                                    | messages[0].content is missing
                    "messages": [{"role": "user", "content": []}]                     | messages[0].content is empty
                    "messages": [{"role": "user", "content": [{"type": "image"}]}]    | cannot be read here
                    "messages": [{"role": "user", "content": 3}]                      | messages[0].content must be
                    "max_tokens": 0                                                   | max_tokens must be at least 1
                    "thinking": {"type": "deep"}                                      | thinking.type must be
                    "tool_choice": {"type": "tool"}                                   | tool_choice.name is missing
                    "tool_choice": {"type": "any"}                                    | at least one tool
                    "tools": [{"type": "bash_20250124", "name": "bash"}]              | tools[0].type is "bash_20250124"
                    "stop_sequences": [""]                                            | must not contain an empty string
                    "mcp_servers": [{"url": "x"}]                                     | mcp_servers is not supported
                    "surprise": 1                                                     | Unknown field "surprise"
                    """)
    void refusesBySentence(String field, String sentence) {
        try (var server = TestServer.start(saying("ok"))) {
            String body =
                    field.contains("\"messages\"") ? "{\"max_tokens\": 5, " + field + "}" : HI + ", " + field + "}";
            String once = field.contains("max_tokens") ? body.replace("\"max_tokens\": 50, ", "") : body;
            var reply = server.post(MESSAGES, once);
            assertThat(reply.status()).as(reply.body()).isEqualTo(400);
            assertThat(reply.json().at("/error/type").stringValue()).isEqualTo("invalid_request_error");
            assertThat(reply.json().at("/error/message").stringValue()).contains(sentence);
        }
    }

    private String prompt(ScriptedGenerator generator, int request) {
        GenerationRequest submitted = generator.submitted.get(request);
        return tokenizer.decode(submitted.promptIds(), false);
    }

    /** The data of each event; its name must be its type. */
    static List<JsonNode> named(String stream) {
        List<JsonNode> events = new ArrayList<>();
        for (String event : stream.split("\n\n", -1)) {
            if (!event.isEmpty()) {
                String[] lines = event.split("\n", -1);
                JsonNode data = JsonMapper.shared().readTree(lines[1].substring("data: ".length()));
                assertThat(lines[0]).isEqualTo("event: " + data.get("type").stringValue());
                events.add(data);
            }
        }
        return events;
    }

    /** Types and block numbers; runs of deltas count once. */
    private static List<String> kinds(List<JsonNode> events) {
        List<String> kinds = new ArrayList<>();
        for (JsonNode event : events) {
            String kind = event.get("type").stringValue()
                    + (event.has("index") ? " " + event.get("index").intValue() : "");
            if (kinds.isEmpty() || !kinds.getLast().equals(kind)) {
                kinds.add(kind);
            }
        }
        return kinds;
    }

    private static String joined(List<JsonNode> events, String field) {
        StringBuilder joined = new StringBuilder();
        for (JsonNode event : events) {
            joined.append(event.at("/delta/" + field).asString(""));
        }
        return joined.toString();
    }
}
