package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.serve.ServedModel;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.Answer;
import dev.fathom.text.answer.AnswerSyntax;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ToolCallEndpointTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String TOOLS = "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"get_weather\","
            + " \"parameters\": {\"type\": \"object\"}}}, {\"type\": \"function\", \"function\": {\"name\": \"add\"}}]";
    private static final String ASK = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], " + TOOLS;
    private static final String OSLO = call("get_weather", "{\"city\": \"Oslo\"}");
    private static final String SUM = call("add", "{\"a\": [1, 2], \"b\": \"\\u00e9 👩\"}");
    private static final Answer.Call OSLO_CALL = new Answer.Call("get_weather", "{\"city\": \"Oslo\"}");
    private static final Answer.Call SUM_CALL = new Answer.Call("add", "{\"a\": [1, 2], \"b\": \"\\u00e9 👩\"}");

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void givesCallsStreamedOrNot() {
        try (var server = TestServer.start(saying("Let me see.\n\n" + calls(OSLO, SUM)))) {
            var wanted = new Answer("", "Let me see.", List.of(OSLO_CALL, SUM_CALL));
            JsonNode whole = server.post(CHAT, ASK + "}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(wanted);
            assertThat(whole.at("/choices/0/finish_reason").stringValue()).isEqualTo("tool_calls");
            List<JsonNode> frames = server.stream(CHAT, ASK + ", \"stream\": true}");
            assertThat(ChatReplies.streamed(frames, 0)).isEqualTo(wanted);
            assertThat(ChatReplies.finishReason(frames)).isEqualTo("tool_calls");
        }
    }

    /** DeepSeek-V3.2's developer messages bring functions along. */
    @Test
    void readsToolsAndFormatsOfMessagesWhereTheModelDoes() {
        String call = "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter name=\"city\""
                + " string=\"true\">Oslo</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>";
        String ask = "{\"messages\": [{\"role\": \"developer\", \"content\": \"Hi\", \"response_format\": {\"type\":"
                + " \"object\", \"title\": \"Mine\"}, " + TOOLS + "}]";
        ScriptedGenerator generator = saying("I look.\n\n" + call);
        try (var server = TestServer.start(NanoText.speakingV32(), generator, config -> config)) {
            var wanted = new Answer("", "I look.", List.of(OSLO_CALL));
            assertThat(ChatReplies.whole(server.post(CHAT, ask + "}").json(), 0))
                    .isEqualTo(wanted);
            assertThat(ChatReplies.streamed(server.stream(CHAT, ask + ", \"stream\": true}"), 0))
                    .isEqualTo(wanted);
            String prompt = tokenizer.decode(generator.submitted.getFirst().promptIds(), false);
            assertThat(prompt).contains("## Response Format:", "\"title\": \"Mine\"", "\"name\": \"get_weather\"");
            String free =
                    server.post(CHAT, ask + ", \"tool_choice\": \"none\"}").body();
            assertThat(free).contains("DSML");
            assertThat(tokenizer.decode(generator.submitted.getLast().promptIds(), false))
                    .doesNotContain("get_weather");
            assertThat(server.post(CHAT, ask.replace("developer", "user") + "}").body())
                    .contains("messages[0].tools is not supported");
        }
        try (var server = TestServer.start(saying("x"))) {
            assertThat(server.post(CHAT, ask.replace("developer", "system") + "}")
                            .body())
                    .contains("messages[0].tools is not supported");
        }
    }

    @Test
    void hasNoContentBesideCalls() {
        try (var server = TestServer.start(saying(calls(OSLO)))) {
            JsonNode message = server.post(CHAT, ASK + "}").json().at("/choices/0/message");
            assertThat(message.get("content").isNull()).isTrue();
        }
    }

    @Test
    void streamsArgumentsInFragments() {
        try (var server = TestServer.start(saying(calls(OSLO)))) {
            var fragments = new ArrayList<String>();
            for (JsonNode frame : server.stream(CHAT, ASK + ", \"stream\": true}")) {
                JsonNode call = frame.at("/choices/0/delta/tool_calls/0");
                if (call.has("function")) {
                    fragments.add(call.at("/function/arguments").stringValue());
                }
            }
            assertThat(fragments).hasSizeGreaterThan(4).first().isEqualTo("");
            assertThat(String.join("", fragments)).isEqualTo("{\"city\": \"Oslo\"}");
        }
    }

    @Test
    void callsToolsAfterThinking() {
        try (var server = TestServer.start(saying("I look.</think>" + calls(OSLO)))) {
            String request = ASK + ", \"chat_template_kwargs\": {\"thinking\": true}";
            var wanted = new Answer("I look.", "", List.of(OSLO_CALL));
            assertThat(ChatReplies.whole(server.post(CHAT, request + "}").json(), 0))
                    .isEqualTo(wanted);
            assertThat(ChatReplies.streamed(server.stream(CHAT, request + ", \"stream\": true}"), 0))
                    .isEqualTo(wanted);
        }
    }

    @Test
    void answersSeveralTimesWithTools() {
        try (var server = TestServer.start(saying(calls(OSLO)))) {
            List<JsonNode> frames = server.stream(CHAT, ASK + ", \"n\": 3, \"stream\": true}");
            JsonNode whole = server.post(CHAT, ASK + ", \"n\": 3}").json();
            for (int i = 0; i < 3; i++) {
                var wanted = new Answer("", "", List.of(OSLO_CALL));
                assertThat(ChatReplies.streamed(frames, i)).isEqualTo(wanted);
                assertThat(ChatReplies.whole(whole, i)).isEqualTo(wanted);
            }
        }
    }

    @Test
    void givesDamagedCallsAsTextThatIsNotCalledACall() {
        String damaged = calls(call("get_weather", "{\"city\": Oslo}"));
        try (var server = TestServer.start(saying(damaged))) {
            JsonNode whole = server.post(CHAT, ASK + "}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(new Answer("", damaged, List.of()));
            assertThat(whole.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
            List<JsonNode> frames = server.stream(CHAT, ASK + ", \"stream\": true}");
            assertThat(ChatReplies.streamed(frames, 0).content()).isEqualTo(damaged);
            assertThat(ChatReplies.finishReason(frames)).isEqualTo("stop");
        }
    }

    @Test
    void givesACallThatWasCutOffAsText() {
        int[] cut = tokenizer.encode(calls(OSLO).substring(0, calls(OSLO).indexOf("lo\"")));
        try (var server = TestServer.start(ScriptedGenerator.answering(cut, new FinishReason.Length(cut.length)))) {
            JsonNode whole = server.post(CHAT, ASK + "}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(new Answer("", tokenizer.decode(cut, false), List.of()));
            assertThat(whole.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        }
    }

    @Test
    void saysLengthForCallsWhoseAnswerWasCutOff() {
        int[] cut = tokenizer.encode(calls(OSLO));
        try (var server = TestServer.start(ScriptedGenerator.answering(cut, new FinishReason.Length(cut.length)))) {
            JsonNode whole = server.post(CHAT, ASK + "}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(new Answer("", "", List.of(OSLO_CALL)));
            assertThat(whole.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        }
    }

    @Test
    void endsAfterOneCallWhenCallsMustNotBeParallel() {
        ScriptedGenerator generator = ScriptedGenerator.beginning(tokenizer.encode(calls(OSLO, SUM)));
        try (var server = TestServer.start(generator)) {
            JsonNode whole =
                    server.post(CHAT, ASK + ", \"parallel_tool_calls\": false}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(new Answer("", "", List.of(OSLO_CALL)));
            assertThat(whole.at("/choices/0/finish_reason").stringValue()).isEqualTo("tool_calls");
            assertThat(generator.runningRequests()).isZero();
        }
    }

    @Test
    void hidesToolsThatMustNotBeCalled() {
        ScriptedGenerator generator = saying(calls(OSLO));
        try (var server = TestServer.start(generator)) {
            JsonNode whole =
                    server.post(CHAT, ASK + ", \"tool_choice\": \"none\"}").json();
            assertThat(ChatReplies.whole(whole, 0).calls()).isEmpty();
            assertThat(tokenizer.decode(generator.submitted.getFirst().promptIds(), false))
                    .doesNotContain("get_weather");
        }
    }

    @Test
    void refusesToDemandCallsOfAModelThatShowsNone() {
        ServedModel plain = NanoText.model().withSyntax(AnswerSyntax.PLAIN);
        try (var server = TestServer.start(plain, saying("x"), config -> config)) {
            var reply = server.post(CHAT, ASK + ", \"tool_choice\": \"required\"}");
            assertThat(reply.status()).isEqualTo(400);
            assertThat(reply.body()).contains("tool_choice must be auto or none: this model's chat template");
        }
    }

    @Test
    void givesLogprobsOfEveryTokenOnce() {
        int tokens = tokenizer.encode("Hm.</think>" + calls(OSLO)).length + 1;
        try (var server = TestServer.start(saying("Hm.</think>" + calls(OSLO)))) {
            String request =
                    ASK + ", \"chat_template_kwargs\": {\"thinking\": true}, \"logprobs\": true, \"stream\": true}";
            int told = server.stream(CHAT, request).stream()
                    .mapToInt(frame -> frame.at("/choices/0/logprobs/content").size())
                    .sum();
            assertThat(told).isEqualTo(tokens);
        }
    }

    @Test
    void rendersResultsOfTools() {
        ScriptedGenerator generator = saying("Rain.");
        try (var server = TestServer.start(generator)) {
            var reply = server.post(
                    CHAT,
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"Weather?\"}, {\"role\": \"assistant\","
                            + " \"content\": null, \"tool_calls\": [{\"id\": \"c\", \"index\": 0, \"type\": \"function\","
                            + " \"function\": {\"name\": \"get_weather\", \"arguments\": \"{\\\"city\\\": \\\"Oslo\\\"}\"}}]},"
                            + " {\"role\": \"tool\", \"tool_call_id\": \"c\", \"content\": \"rain\"}], " + TOOLS + "}");
            assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        }
        assertThat(tokenizer.decode(generator.submitted.getFirst().promptIds(), false))
                .endsWith("<｜User｜>Weather?<｜Assistant｜></think>" + calls(OSLO)
                        + "<｜end▁of▁sentence｜><｜tool▁output▁begin｜>rain<｜tool▁output▁end｜>");
    }

    @Test
    void parsesTextsFromElsewhere() {
        try (var server = TestServer.start(saying("x"))) {
            String text = "Ok.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\\n```json\\n{}\\n```"
                    + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
            var reply = server.post(
                    "/parse_function_call",
                    "{\"text\": \"" + text + "\", " + TOOLS + ", \"tool_call_parser\": \"deepseekv3\"}");
            assertThat(reply.body())
                    .isEqualTo("{\"normal_text\":\"Ok.\",\"calls\":[{\"tool_index\":0,\"name\":\"add\","
                            + "\"parameters\":\"{}\"}]}");
        }
    }

    private static String call(String name, String arguments) {
        return "<｜tool▁call▁begin｜>" + name + "<｜tool▁sep｜>" + arguments + "<｜tool▁call▁end｜>";
    }

    private static String calls(String... calls) {
        return "<｜tool▁calls▁begin｜>" + String.join("", calls) + "<｜tool▁calls▁end｜>";
    }
}
