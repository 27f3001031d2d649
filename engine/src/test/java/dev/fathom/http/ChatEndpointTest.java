package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.NanoText;
import dev.fathom.text.Tokenizer;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ChatEndpointTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
    private static final String TEXT = "Zoë: 日本 👩‍👦!";

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void answersAChat() {
        try (var server = TestServer.start(saying(TEXT))) {
            var reply = server.post(CHAT, HI + ", \"model\": \"anything\"}");
            assertThat(reply.status()).isEqualTo(200);
            assertThat(reply.header("Content-Type")).startsWith("application/json");
            JsonNode json = reply.json();
            assertThat(names(json)).containsExactly("id", "object", "created", "model", "choices", "usage", "metadata");
            assertThat(json.get("id").stringValue()).startsWith("chatcmpl-");
            assertThat(json.get("object").stringValue()).isEqualTo("chat.completion");
            assertThat(json.get("model").stringValue()).isEqualTo("anything");
            JsonNode choice = json.at("/choices/0");
            assertThat(choice.at("/message/role").stringValue()).isEqualTo("assistant");
            assertThat(choice.at("/message/content").stringValue()).isEqualTo(TEXT);
            assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
            assertThat(choice.get("matched_stop").intValue()).isEqualTo(NanoText.EOS);
            int completion = tokenizer.encode(TEXT).length + 1;
            assertThat(json.at("/usage/completion_tokens").intValue()).isEqualTo(completion);
            assertThat(json.at("/usage/prompt_tokens").intValue()).isEqualTo(5);
            assertThat(json.at("/usage/total_tokens").intValue()).isEqualTo(completion + 5);
            assertThat(json.at("/metadata/weight_version").stringValue()).isEqualTo("default");
        }
    }

    @Test
    void streamsAChat() {
        try (var server = TestServer.start(saying(TEXT))) {
            List<JsonNode> frames =
                    server.stream(CHAT, HI + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}");
            JsonNode first = frames.getFirst().at("/choices/0/delta");
            assertThat(first.get("role").stringValue()).isEqualTo("assistant");
            assertThat(first.get("content").stringValue()).isEmpty();
            assertThat(content(frames)).isEqualTo(TEXT);
            JsonNode finish = frames.get(frames.size() - 2).at("/choices/0");
            assertThat(finish.get("finish_reason").stringValue()).isEqualTo("stop");
            assertThat(finish.get("delta").isEmpty()).isTrue();
            JsonNode usage = frames.getLast();
            assertThat(usage.get("choices").isEmpty()).isTrue();
            assertThat(usage.at("/usage/completion_tokens").intValue()).isEqualTo(tokenizer.encode(TEXT).length + 1);
            assertThat(frames).extracting(frame -> frame.get("id")).containsOnly(usage.get("id"));
            assertThat(frames.subList(0, frames.size() - 1))
                    .allSatisfy(frame -> assertThat(frame.get("usage").isNull()).isTrue());
        }
    }

    @Test
    void reportsUsageInEveryChunkWhenAsked() {
        try (var server = TestServer.start(saying("one two three"))) {
            List<JsonNode> frames = server.stream(
                    CHAT, HI + ", \"stream\": true, \"stream_options\": {\"continuous_usage_stats\": true}}");
            var counts = frames.stream()
                    .map(frame -> frame.at("/usage/completion_tokens").intValue())
                    .toList();
            assertThat(counts).isSorted().last().isEqualTo(tokenizer.encode("one two three").length + 1);
        }
    }

    @Test
    void streamsSeveralAnswersSideBySide() {
        try (var server = TestServer.start(saying("yes"))) {
            List<JsonNode> frames = server.stream(CHAT, HI + ", \"stream\": true, \"n\": 3}");
            for (int i = 0; i < 3; i++) {
                int index = i;
                List<JsonNode> own = frames.stream()
                        .filter(frame -> frame.at("/choices/0/index").intValue() == index)
                        .toList();
                assertThat(content(own)).isEqualTo("yes");
                assertThat(own.getLast().at("/choices/0/finish_reason").stringValue())
                        .isEqualTo("stop");
            }
        }
    }

    @Test
    void givesLogprobsInOpenAisShape() {
        try (var server = TestServer.start(saying("👩"))) {
            JsonNode content = server.post(CHAT, HI + ", \"logprobs\": true, \"top_logprobs\": 1}")
                    .json()
                    .at("/choices/0/logprobs/content");
            int[] ids = tokenizer.encode("👩");
            assertThat(content.size()).isEqualTo(ids.length + 1);
            JsonNode first = content.get(0);
            assertThat(first.get("token").stringValue()).isEqualTo(tokenizer.decode(new int[] {ids[0]}, false));
            assertThat(first.get("bytes").get(0).intValue()).isEqualTo(tokenizer.bytes(ids[0])[0] & 0xff);
            assertThat(first.get("logprob").doubleValue()).isEqualTo(-0.5);
            assertThat(first.at("/top_logprobs/0/logprob").doubleValue()).isEqualTo(-0.5);
        }
    }

    @Test
    void acceptsWhatAsksNothingOfTheModel() {
        try (var server = TestServer.start(saying("ok"))) {
            var reply = server.post(
                    CHAT,
                    HI + ", \"user\": \"u\", \"metadata\": {\"a\": \"b\"}, \"store\": false, \"n\": 1,"
                            + " \"service_tier\": \"auto\", \"response_format\": {\"type\": \"text\"},"
                            + " \"parallel_tool_calls\": true, \"stream_reasoning\": true,"
                            + " \"separate_reasoning\": false, \"tool_choice\": \"auto\", \"lora_path\": null,"
                            + " \"stream_options\": null, \"priority\": 0, \"temperature\": 1, \"max_tokens\": 5.0,"
                            + " \"modalities\": [\"text\"], \"reasoning_effort\": \"low\", \"stop\": [],"
                            + " \"tools\": [], \"prompt_cache_key\": \"k\", \"safety_identifier\": \"s\"}");
            assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        }
    }

    @Test
    void joinsTextPartsAndPassesTemplateVariables() {
        var generator = saying("ok");
        try (var server = TestServer.start(generator)) {
            server.post(
                    CHAT,
                    "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"},"
                            + " {\"type\": \"text\", \"text\": \"b\"}]}], \"chat_template_kwargs\": {\"thinking\": true}}");
            int[] prompt = generator.submitted.getFirst().promptIds();
            assertThat(tokenizer.decode(prompt, false))
                    .isEqualTo("<｜begin▁of▁sentence｜><｜User｜>a b<｜Assistant｜><think>");
        }
    }

    private static String content(List<JsonNode> frames) {
        return frames.stream()
                .filter(frame -> !frame.get("choices").isEmpty())
                .map(frame -> frame.at("/choices/0/delta/content"))
                .filter(JsonNode::isString)
                .map(JsonNode::stringValue)
                .collect(Collectors.joining());
    }

    private static Set<String> names(JsonNode object) {
        return new java.util.LinkedHashSet<>(object.propertyNames());
    }
}
