package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.Guidance;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.serve.ServedModel;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.Answer;
import dev.fathom.text.answer.AnswerSyntax;
import dev.fathom.text.answer.ReasoningFormat;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ReasoningEndpointTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
    private static final String THINKING = HI + ", \"chat_template_kwargs\": {\"thinking\": true}";
    private static final String TEXT = "Zoë says `<think>`.\n</think>\n\nHi, 👩‍👦!";
    private static final Answer SPLIT = new Answer("Zoë says `<think>`.\n", "\n\nHi, 👩‍👦!", List.of());

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void separatesReasoningStreamedOrNot() {
        try (var server = TestServer.start(saying(TEXT))) {
            JsonNode whole = server.post(CHAT, THINKING + "}").json();
            assertThat(ChatReplies.whole(whole, 0)).isEqualTo(SPLIT);
            List<JsonNode> frames = server.stream(CHAT, THINKING + ", \"stream\": true}");
            assertThat(ChatReplies.streamed(frames, 0)).isEqualTo(SPLIT);
            assertThat(frames).hasSizeGreaterThan(8);
        }
    }

    @Test
    void countsReasoningTokensWithTheirMark() {
        int tokens = tokenizer.encode("Zoë says `<think>`.\n</think>").length;
        try (var server = TestServer.start(saying(TEXT))) {
            JsonNode usage = server.post(CHAT, THINKING + "}").json().get("usage");
            assertThat(usage.get("reasoning_tokens").intValue()).isEqualTo(tokens);
            assertThat(usage.at("/completion_tokens_details/reasoning_tokens").intValue())
                    .isEqualTo(tokens);
            List<JsonNode> frames = server.stream(
                    CHAT, THINKING + ", \"stream\": true, \"stream_options\": {\"continuous_usage_stats\": true}}");
            assertThat(frames.stream()
                            .mapToInt(
                                    frame -> frame.at("/usage/reasoning_tokens").intValue()))
                    .isSorted()
                    .endsWith(tokens);
            assertThat(server.post(CHAT, HI + "}")
                            .json()
                            .at("/usage/reasoning_tokens")
                            .intValue())
                    .isZero();
        }
    }

    @Test
    void leavesReasoningInTheContentWhenAsked() {
        try (var server = TestServer.start(saying(TEXT))) {
            String request = THINKING + ", \"separate_reasoning\": false";
            var together = new Answer("", TEXT, List.of());
            assertThat(ChatReplies.whole(server.post(CHAT, request + "}").json(), 0))
                    .isEqualTo(together);
            assertThat(ChatReplies.streamed(server.stream(CHAT, request + ", \"stream\": true}"), 0))
                    .isEqualTo(together);
        }
    }

    @Test
    void sendsReasoningInOnePieceWhenAsked() {
        try (var server = TestServer.start(saying(TEXT))) {
            List<JsonNode> frames = server.stream(CHAT, THINKING + ", \"stream\": true, \"stream_reasoning\": false}");
            assertThat(ChatReplies.streamed(frames, 0)).isEqualTo(SPLIT);
            assertThat(frames)
                    .filteredOn(frame -> frame.at("/choices/0/delta").has("reasoning_content"))
                    .hasSize(1);
        }
        int[] cut = tokenizer.encode("I think that");
        try (var server = TestServer.start(ScriptedGenerator.answering(cut, new FinishReason.Length(cut.length)))) {
            List<JsonNode> frames = server.stream(CHAT, THINKING + ", \"stream\": true, \"stream_reasoning\": false}");
            assertThat(ChatReplies.streamed(frames, 0)).isEqualTo(new Answer("I think that", "", List.of()));
            assertThat(ChatReplies.finishReason(frames)).isEqualTo("length");
        }
    }

    @Test
    void callsAnUnendedThoughtReasoning() {
        int[] cut = tokenizer.encode("I think that");
        try (var server = TestServer.start(ScriptedGenerator.answering(cut, new FinishReason.Length(cut.length)))) {
            JsonNode reply = server.post(CHAT, THINKING + "}").json();
            assertThat(reply.at("/choices/0/message/content").isNull()).isTrue();
            assertThat(reply.at("/choices/0/message/reasoning_content").stringValue())
                    .isEqualTo("I think that");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"chat_template_kwargs\": {\"thinking\": true}",
                "\"chat_template_kwargs\": {\"enable_thinking\": true}",
                "\"reasoning_effort\": \"high\"",
                "\"reasoning_effort\": \"minimal\"",
                "\"reasoning_effort\": \"max\"",
                "\"reasoning_effort\": 0.5",
                "\"reasoning_effort\": 0.99",
                "\"reasoning\": {\"effort\": \"low\"}",
                "\"reasoning\": {\"enabled\": true}",
                "\"reasoning_effort\": \"none\", \"chat_template_kwargs\": {\"thinking\": true}"
            })
    void turnsThinkingOn(String field) {
        assertThat(prompt(HI + ", " + field + "}", UnaryOperator.identity())).endsWith("<｜Assistant｜><think>");
        assertThat(prompt(HI + "}", UnaryOperator.identity())).endsWith("<｜Assistant｜></think>");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"chat_template_kwargs\": {\"thinking\": false}",
                "\"chat_template_kwargs\": {\"enable_thinking\": false}",
                "\"reasoning_effort\": \"none\"",
                "\"reasoning_effort\": 0",
                "\"reasoning\": {\"enabled\": false}"
            })
    void turnsThinkingOffWhereTheServerTurnsItOn(String field) {
        UnaryOperator<ServedModel> thinking = model -> model.withTemplateVariables(Map.of("thinking", true));
        assertThat(prompt(HI + "}", thinking)).endsWith("<｜Assistant｜><think>");
        assertThat(prompt(HI + ", " + field + "}", thinking)).endsWith("<｜Assistant｜></think>");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"huge\"", "1", "-0.1", "true", "[]"})
    void refusesEffortsThatAreNone(String effort) {
        try (var server = TestServer.start(saying("x"))) {
            var reply = server.post(CHAT, HI + ", \"reasoning_effort\": " + effort + "}");
            assertThat(reply.status()).isEqualTo(400);
            assertThat(reply.body())
                    .contains(
                            "reasoning_effort must be one of none, minimal, low, medium, high, xhigh, max, or a number")
                    .contains("in [0, 0.99], got " + effort.replace("\"", "\\\""));
        }
    }

    /** Wherever the text is cut into tokens: before, in and after the mark. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "I think that",
                "No end, but `</thin` and <think> again",
                "In code:\n```\n<think>\n```\nSo.</think>\n\n```\n</think>\n```",
                "</think>Nothing thought.",
                "Only thoughts.</think>",
                "a</think>{\"b\": 1}"
            })
    void splitsStreamsAndWholeAnswersAtTheSamePlace(String text) {
        Tokenizer letters = tokenizer;
        int[] byLetter = text.codePoints()
                .flatMap(letter -> IntStream.of(letters.encode(Character.toString(letter))))
                .toArray();
        int at = text.indexOf("</think>");
        var wanted = at < 0
                ? new Answer(text, "", List.of())
                : new Answer(text.substring(0, at), text.substring(at + "</think>".length()), List.of());
        for (int[] ids : List.of(tokenizer.encode(text), byLetter)) {
            var generator = ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length));
            try (var server = TestServer.start(generator)) {
                assertThat(ChatReplies.whole(server.post(CHAT, THINKING + "}").json(), 0))
                        .isEqualTo(wanted);
                assertThat(ChatReplies.streamed(server.stream(CHAT, THINKING + ", \"stream\": true}"), 0))
                        .isEqualTo(wanted);
            }
        }
    }

    @Test
    void boundsThinkingByTheModelsOwnMark() {
        Guidance chat = guidance(CHAT, THINKING + ", \"max_thinking_tokens\": 5}");
        assertThat(chat.reasoningEnd()).isEqualTo(NanoText.THINK_END);
        assertThat(chat.maxReasoningTokens()).isEqualTo(5);
        Guidance generate = guidance("/generate", "{\"text\": \"<｜User｜>Hi<think>\", \"max_thinking_tokens\": 7}");
        assertThat(generate.reasoningEnd()).isEqualTo(NanoText.THINK_END);
        assertThat(generate.maxReasoningTokens()).isEqualTo(7);
        Guidance without = guidance(CHAT, HI + ", \"max_thinking_tokens\": 5}");
        assertThat(without.reasoningEnd()).isEqualTo(Guidance.NO_REASONING);
    }

    @Test
    void refusesABoundWhereThinkingHasNoMark() {
        ServedModel plain = NanoText.model().withSyntax(AnswerSyntax.PLAIN);
        try (var server = TestServer.start(plain, saying("x"), config -> config)) {
            var reply = server.post(CHAT, HI + ", \"max_thinking_tokens\": 5}");
            assertThat(reply.status()).isEqualTo(400);
            assertThat(reply.body()).contains("max_thinking_tokens needs a model whose reasoning ends with a mark");
        }
    }

    @Test
    void readsAnswersToPromptsThatComeAsTokens() {
        int[] prompt = tokenizer.encode("<｜User｜>Hi<｜Assistant｜><think>");
        try (var server = TestServer.start(saying(TEXT))) {
            String request = HI + ", \"input_ids\": " + java.util.Arrays.toString(prompt) + "}";
            assertThat(ChatReplies.whole(server.post(CHAT, request).json(), 0)).isEqualTo(SPLIT);
        }
    }

    @Test
    void readsR1sAnswersWithoutABeginMark() {
        ServedModel r1 = NanoText.model().withSyntax(new AnswerSyntax(ReasoningFormat.DEEPSEEK_R1, null));
        try (var server = TestServer.start(r1, saying("<think>\nHm.</think>Yes."), config -> config)) {
            String request = HI + ", \"input_ids\": [5, 6]}";
            assertThat(ChatReplies.whole(server.post(CHAT, request).json(), 0))
                    .isEqualTo(new Answer("\nHm.", "Yes.", List.of()));
        }
    }

    @Test
    void separatesReasoningOfTextsFromElsewhere() {
        try (var server = TestServer.start(saying("x"))) {
            String path = "/separate_reasoning";
            var reply = server.post(path, "{\"text\": \"a</think>b\", \"reasoning_parser\": \"deepseek-r1\"}");
            assertThat(reply.body()).isEqualTo("{\"reasoning_text\":\"a\",\"text\":\"b\"}");
            reply = server.post(path, "{\"text\": \"<think>a</think>b\"}");
            assertThat(reply.body()).isEqualTo("{\"reasoning_text\":\"a\",\"text\":\"b\"}");
            reply = server.post(path, "{\"text\": \"a</think>b\", \"reasoning_parser\": \"deepseek-v3\"}");
            assertThat(reply.body()).isEqualTo("{\"reasoning_text\":\"\",\"text\":\"a</think>b\"}");
        }
    }

    private String prompt(String request, UnaryOperator<ServedModel> change) {
        ScriptedGenerator generator = saying("ok");
        try (var server = TestServer.start(change.apply(NanoText.model()), generator, config -> config)) {
            assertThat(server.post(CHAT, request).status()).isEqualTo(200);
        }
        return tokenizer.decode(generator.submitted.getFirst().promptIds(), false);
    }

    private static Guidance guidance(String path, String request) {
        ScriptedGenerator generator = saying("ok");
        try (var server = TestServer.start(generator)) {
            var reply = server.post(path, request);
            assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        }
        return generator.submitted.getFirst().guidance();
    }
}
