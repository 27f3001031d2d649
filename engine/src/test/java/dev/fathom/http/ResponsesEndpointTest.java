package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
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
import tools.jackson.databind.node.ObjectNode;

class ResponsesEndpointTest {
    private static final String RESPONSES = "/v1/responses";
    private static final String HI = "{\"model\": \"m\", \"input\": \"Hi\"";
    private static final String TOOLS =
            ", \"tools\": [{\"type\": \"function\", \"name\": \"get_weather\", \"strict\": false}]";
    private static final String CALL = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
            + "{\"city\": \"Oslo\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
    private static final String THINK = ", \"reasoning\": {\"effort\": \"high\"}";

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void answersWithItems() {
        try (var server = TestServer.start(saying("I look.</think>Let me see." + CALL))) {
            JsonNode response = server.post(RESPONSES, HI + TOOLS + THINK + "}").json();
            assertThat(response.get("id").stringValue()).startsWith("resp_");
            assertThat(response.get("status").stringValue()).isEqualTo("completed");
            assertThat(response.get("model").stringValue()).isEqualTo("m");
            assertThat(response.at("/output/0/content/0/text").stringValue()).isEqualTo("I look.");
            assertThat(response.at("/output/1/content/0/text").stringValue()).isEqualTo("Let me see.");
            assertThat(response.at("/output/2/name").stringValue()).isEqualTo("get_weather");
            assertThat(response.at("/output/2/arguments").stringValue()).isEqualTo("{\"city\": \"Oslo\"}");
            assertThat(response.at("/reasoning/effort").stringValue()).isEqualTo("high");
            int prompt = response.at("/usage/input_tokens").intValue();
            assertThat(response.at("/usage/total_tokens").intValue())
                    .isEqualTo(prompt + response.at("/usage/output_tokens").intValue());
        }
    }

    @Test
    void streamsTypedEventsInOrder() {
        try (var server = TestServer.start(saying("I look.</think>Let me see." + CALL))) {
            List<JsonNode> events =
                    AnthropicEndpointTest.named(server.post(RESPONSES, HI + TOOLS + THINK + ", \"stream\": true}")
                            .body());
            assertThat(kinds(events))
                    .containsExactly(
                            "created",
                            "in_progress",
                            "output_item.added 0",
                            "content_part.added 0",
                            "reasoning_text.delta 0",
                            "reasoning_text.done 0",
                            "content_part.done 0",
                            "output_item.done 0",
                            "output_item.added 1",
                            "content_part.added 1",
                            "output_text.delta 1",
                            "output_text.done 1",
                            "content_part.done 1",
                            "output_item.done 1",
                            "output_item.added 2",
                            "function_call_arguments.delta 2",
                            "function_call_arguments.done 2",
                            "output_item.done 2",
                            "completed");
            for (int i = 0; i < events.size(); i++) {
                assertThat(events.get(i).get("sequence_number").intValue()).isEqualTo(i);
            }
            JsonNode last = events.getLast().get("response");
            List<JsonNode> done = events.stream()
                    .filter(event -> event.get("type").stringValue().equals("response.output_item.done"))
                    .map(event -> event.get("item"))
                    .toList();
            assertThat(last.get("output").values()).containsExactlyElementsOf(done);
            assertThat(server.get(RESPONSES + "/" + last.get("id").stringValue())
                            .json())
                    .isEqualTo(last);
        }
    }

    @Test
    void goesOnFromAnEarlierResponseWithoutItsInstructions() {
        var generator = saying("I think.</think>Paris.");
        try (var server = TestServer.start(generator)) {
            String first = server.post(
                            RESPONSES,
                            "{\"input\": \"Capital of France?\", \"instructions\": \"Be brief.\"" + THINK + "}")
                    .json()
                    .get("id")
                    .stringValue();
            server.post(RESPONSES, HI + ", \"previous_response_id\": \"" + first + "\"}");
            server.post(
                    "/v1/chat/completions",
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"Capital of France?\"}, {\"role\": \"assistant\","
                            + " \"content\": \"Paris.\", \"reasoning_content\": \"I think.\"}, {\"role\": \"user\","
                            + " \"content\": \"Hi\"}]}");
            assertThat(prompt(generator, 0)).contains("Be brief.");
            assertThat(prompt(generator, 1)).isEqualTo(prompt(generator, 2)).doesNotContain("Be brief.");
        }
    }

    @Test
    void readsAFunctionsOutput() {
        var generator = saying(CALL);
        try (var server = TestServer.start(generator)) {
            JsonNode response = server.post(RESPONSES, HI + TOOLS + "}").json();
            String callId = response.at("/output/0/call_id").stringValue();
            String output =
                    "{\"type\": \"function_call_output\", \"call_id\": \"" + callId + "\", \"output\": \"rain\"}";
            server.post(
                    RESPONSES,
                    "{\"input\": [" + output + "]" + TOOLS + ", \"previous_response_id\": " + response.get("id") + "}");
            server.post(
                    RESPONSES,
                    "{\"input\": [{\"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"Hi\"}]}, "
                            + response.at("/output/0") + ", " + output + "]" + TOOLS + "}");
            assertThat(prompt(generator, 1)).isEqualTo(prompt(generator, 2)).contains("rain", "get_weather", "Oslo");
        }
    }

    @Test
    void saysWhatIsIncomplete() {
        int[] ids = tokenizer.encode("one two");
        try (var server = TestServer.start(ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length)))) {
            JsonNode whole = server.post(RESPONSES, HI + "}").json();
            assertThat(whole.get("status").stringValue()).isEqualTo("incomplete");
            assertThat(whole.at("/incomplete_details/reason").stringValue()).isEqualTo("max_output_tokens");
            assertThat(whole.at("/output/0/status").stringValue()).isEqualTo("incomplete");
            List<JsonNode> events = AnthropicEndpointTest.named(
                    server.post(RESPONSES, HI + ", \"stream\": true}").body());
            assertThat(events.getLast().get("type").stringValue()).isEqualTo("response.incomplete");
            assertThat(events.getLast().at("/response/output/0/status").stringValue())
                    .isEqualTo("incomplete");
        }
    }

    @Test
    void givesABrokenCallAsTextAndForgetsItAsCall() {
        String damaged = CALL.replace("\"Oslo\"", "Oslo");
        var generator = saying(damaged);
        try (var server = TestServer.start(generator)) {
            List<JsonNode> events = AnthropicEndpointTest.named(
                    server.post(RESPONSES, HI + TOOLS + ", \"stream\": true}").body());
            JsonNode last = events.getLast().get("response");
            assertThat(last.at("/output/0/status").stringValue()).isEqualTo("incomplete");
            assertThat(last.at("/output/1/content/0/text").stringValue()).isEqualTo(damaged);
            var again = server.post(RESPONSES, HI + TOOLS + ", \"previous_response_id\": " + last.get("id") + "}");
            assertThat(again.status()).as(again.body()).isEqualTo(200);
        }
    }

    @Test
    void runsInTheBackgroundAndIsCancelled() throws InterruptedException {
        var generator = new ScriptedGenerator(request -> ScriptedGenerator.tokens(tokenizer.encode("so far")));
        try (var server = TestServer.start(generator)) {
            JsonNode queued =
                    server.post(RESPONSES, HI + ", \"background\": true}").json();
            String path = RESPONSES + "/" + queued.get("id").stringValue();
            assertThat(queued.get("status").stringValue()).isEqualTo("queued");
            Waiting.until(() -> status(server, path).equals("in_progress"));
            assertThat(server.send("DELETE", path, null).status()).isEqualTo(400);
            JsonNode cancelled = server.post(path + "/cancel", "").json();
            assertThat(cancelled.get("status").stringValue()).isEqualTo("cancelled");
            assertThat(cancelled.at("/output/0/content/0/text").stringValue()).isEqualTo("so far");
            assertThat(generator.runningRequests()).isZero();
            assertThat(server.get(path).json()).isEqualTo(cancelled);
            assertThat(server.post(path + "/cancel", "").json()).isEqualTo(cancelled);
        }
    }

    @Test
    void finishesInTheBackground() throws InterruptedException {
        try (var server = TestServer.start(saying("done"))) {
            JsonNode queued =
                    server.post(RESPONSES, HI + ", \"background\": true}").json();
            String path = RESPONSES + "/" + queued.get("id").stringValue();
            Waiting.until(() -> status(server, path).equals("completed"));
            assertThat(server.get(path).json().at("/output/0/content/0/text").stringValue())
                    .isEqualTo("done");
        }
        var broken = new GenerationEvent.Failed(new RequestException(ErrorCode.UNAVAILABLE, "Gone."));
        try (var server = TestServer.start(new ScriptedGenerator(request -> List.of(broken)))) {
            JsonNode queued =
                    server.post(RESPONSES, HI + ", \"background\": true}").json();
            String path = RESPONSES + "/" + queued.get("id").stringValue();
            Waiting.until(() -> status(server, path).equals("failed"));
            assertThat(server.get(path).json().at("/error/message").stringValue())
                    .isEqualTo("Gone.");
        }
    }

    @Test
    void keepsOnlyWhatIsToBeStored() {
        try (var server = TestServer.start(saying("ok"))) {
            JsonNode response =
                    server.post(RESPONSES, HI + ", \"store\": false}").json();
            var unknown = server.get(RESPONSES + "/" + response.get("id").stringValue());
            assertThat(unknown.status()).isEqualTo(404);
            assertThat(unknown.json().at("/error/message").stringValue()).contains("not found");
            assertThat(unknown.json().at("/error/param").stringValue()).isEqualTo("response_id");
            JsonNode kept = server.post(RESPONSES, HI + "}").json();
            String path = RESPONSES + "/" + kept.get("id").stringValue();
            assertThat(server.post(path + "/cancel", "").status()).isEqualTo(400);
            assertThat(server.send("DELETE", path, null).json().get("deleted").booleanValue())
                    .isTrue();
            assertThat(server.get(path).status()).isEqualTo(404);
        }
    }

    @Test
    void dropsWhatWasUsedLongestAgo() {
        var store = new ResponseStore(3, 1000);
        for (String id : List.of("a", "b", "c")) {
            store.put(id, entry("completed", 10));
        }
        store.get("a");
        store.put("d", entry("completed", 10));
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> store.get("b"))
                .withMessageContaining("'b' not found");
        assertThat(store.get("a").running()).isFalse();
        store.put("running", entry("in_progress", 10));
        store.put("long", entry("completed", 900));
        assertThat(store.get("running").running()).isTrue();
        assertThatExceptionOfType(RequestException.class).isThrownBy(() -> store.get("d"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    "input": []                                                      | input is empty
                    "input": 3                                                       | input must be a string
                    "input": [{"type": "web_search_call"}]                           | input[0].type is "web_search_call"
                    "input": [{"role": "robot", "content": "x"}]                     | input[0].role must be
                    "input": [{"role": "user", "content": [{"type": "input_image"}]}]| reads text only
                    "input": "x", "max_output_tokens": 0                             | max_output_tokens must be at least 1
                    "input": "x", "previous_response_id": "resp_no"                  | not found: the server keeps
                    "input": "x", "background": true, "store": false                 | background needs store
                    "input": "x", "background": true, "stream": true                 | not supported together with stream
                    "input": "x", "tools": [{"type": "web_search"}]                  | tools[0].type is "web_search"
                    "input": "x", "tool_choice": {"type": "function", "name": "f"}   | tools does not have it
                    "input": "x", "truncation": "auto"                               | truncation must be "disabled"
                    "input": "x", "n": 2                                             | n must be 1
                    "input": "x", "conversation": "c"                                | conversation is not supported
                    "input": "x", "surprise": 1                                      | Unknown field "surprise"
                    """)
    void refusesBySentence(String fields, String sentence) {
        try (var server = TestServer.start(saying("ok"))) {
            var reply = server.post(RESPONSES, "{" + fields + "}");
            assertThat(reply.status()).as(reply.body()).isIn(400, 404);
            assertThat(reply.json().at("/error/message").stringValue()).contains(sentence);
        }
    }

    private static ResponseStore.Entry entry(String status, int length) {
        ObjectNode response = JsonMapper.shared().createObjectNode().put("status", status);
        return new ResponseStore.Entry(response.put("text", "x".repeat(length)), List.of(), null);
    }

    private static String status(TestServer server, String path) {
        return server.get(path).json().get("status").stringValue();
    }

    private String prompt(ScriptedGenerator generator, int request) {
        return tokenizer.decode(generator.submitted.get(request).promptIds(), false);
    }

    /** Types without their prefix, and item numbers; runs of deltas count once. */
    private static List<String> kinds(List<JsonNode> events) {
        List<String> kinds = new ArrayList<>();
        for (JsonNode event : events) {
            String kind = event.get("type").stringValue().substring("response.".length())
                    + (event.has("output_index")
                            ? " " + event.get("output_index").intValue()
                            : "");
            if (kinds.isEmpty() || !kinds.getLast().equals(kind)) {
                kinds.add(kind);
            }
        }
        return kinds;
    }
}
