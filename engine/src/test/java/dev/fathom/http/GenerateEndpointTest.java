package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.text.Tokenizer;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class GenerateEndpointTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";

    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void echoesPromptsWhenAsked() {
        try (var server = TestServer.start(saying("ok"))) {
            int[] hi = tokenizer.encode("Hi there");
            String batch = "{\"prompt\": [\"one \", " + java.util.Arrays.toString(hi) + "], \"echo\": true, \"n\": 2";
            JsonNode whole = server.post("/v1/completions", batch + "}").json();
            List<String> wanted = List.of("one ok", "one ok", "Hi thereok", "Hi thereok");
            List<JsonNode> frames = server.stream("/v1/completions", batch + ", \"stream\": true}");
            for (int i = 0; i < wanted.size(); i++) {
                int index = i;
                assertThat(whole.at("/choices/" + i + "/text").stringValue()).isEqualTo(wanted.get(i));
                assertThat(frames.stream()
                                .filter(frame -> frame.at("/choices/0/index").asInt(-1) == index)
                                .map(frame -> frame.at("/choices/0/text").stringValue())
                                .collect(Collectors.joining()))
                        .isEqualTo(wanted.get(i));
            }
        }
        int[] none = {};
        try (var server = TestServer.start(ScriptedGenerator.answering(none, new FinishReason.Length(0)))) {
            List<JsonNode> frames =
                    server.stream("/v1/completions", "{\"prompt\": \"one\", \"echo\": true, \"stream\": true}");
            assertThat(frames.getLast().at("/choices/0/text").stringValue()).isEqualTo("one");
        }
    }

    @Test
    void completesBatchesOfTextAndIds() {
        try (var server = TestServer.start(saying("ok"))) {
            JsonNode texts = server.post("/v1/completions", "{\"prompt\": [\"a\", \"b\"], \"n\": 2, \"logprobs\": 1}")
                    .json();
            assertThat(texts.get("choices").size()).isEqualTo(4);
            assertThat(texts.at("/usage/prompt_tokens").intValue()).isEqualTo(4);
            assertThat(texts.at("/choices/3/text").stringValue()).isEqualTo("ok");
            assertThat(names(texts.at("/choices/0/logprobs")))
                    .containsExactly("tokens", "token_logprobs", "top_logprobs", "text_offset");
            JsonNode ids = server.post("/v1/completions", "{\"prompt\": [[5, 6], [7]]}")
                    .json();
            assertThat(ids.at("/usage/prompt_tokens").intValue()).isEqualTo(3);
            JsonNode one = server.post("/v1/completions", "{\"prompt\": [5, 6], \"max_tokens\": 3}")
                    .json();
            assertThat(one.get("id").stringValue()).startsWith("cmpl-");
            assertThat(one.get("object").stringValue()).isEqualTo("text_completion");
        }
    }

    @Test
    void streamsACompletion() {
        try (var server = TestServer.start(saying("once upon"))) {
            List<JsonNode> frames = server.stream("/v1/completions", "{\"prompt\": \"x\", \"stream\": true}");
            assertThat(frames.stream()
                            .map(frame -> frame.at("/choices/0/text").stringValue())
                            .collect(Collectors.joining()))
                    .isEqualTo("once upon");
            assertThat(frames.getLast().at("/choices/0/finish_reason").stringValue())
                    .isEqualTo("stop");
        }
    }

    @Test
    void takesRequestsAsSglangRouterPassesThemOn() {
        try (var server = TestServer.start(saying("ok"))) {
            String router =
                    "{\"model\": \"unknown\", \"text\": \"x\", \"stream\": false, \"log_metrics\": true, \"background\":"
                            + " false, \"no_logs\": false, \"return_bytes\": false, \"return_entropy\": false, \"conversation_id\": null}";
            assertThat(server.post("/generate", router).status()).isEqualTo(200);
        }
    }

    @Test
    void generatesInSglangsShape() {
        try (var server = TestServer.start(saying("ok"))) {
            JsonNode json = server.post(
                            "/generate",
                            "{\"text\": \"x\", \"rid\": \"mine\", \"return_logprob\": true, \"top_logprobs_num\": 1,"
                                    + " \"return_text_in_logprobs\": true, \"sampling_params\": {\"max_new_tokens\": 9}}")
                    .json();
            assertThat(names(json)).containsExactly("text", "output_ids", "meta_info");
            assertThat(json.get("text").stringValue()).isEqualTo("ok");
            JsonNode meta = json.get("meta_info");
            assertThat(meta.get("id").stringValue()).isEqualTo("mine");
            assertThat(meta.at("/finish_reason/type").stringValue()).isEqualTo("stop");
            assertThat(meta.at("/finish_reason/matched").intValue()).isEqualTo(NanoText.EOS);
            assertThat(meta.get("e2e_latency").doubleValue()).isPositive();
            JsonNode token = meta.at("/output_token_logprobs/0");
            assertThat(token.get(0).doubleValue()).isEqualTo(-0.5);
            assertThat(token.get(1).intValue())
                    .isEqualTo(json.at("/output_ids/0").intValue());
            assertThat(token.get(2).stringValue()).isNotEmpty();
            assertThat(meta.at("/output_top_logprobs/0/0/1").intValue())
                    .isEqualTo(token.get(1).intValue());
            JsonNode batch = server.send("PUT", "/generate", "{\"text\": [\"x\", \"y\"]}")
                    .json();
            assertThat(batch.size()).isEqualTo(2);
        }
    }

    @Test
    void streamsGenerateCumulativelyOrNot() {
        String body = "{\"text\": \"x\", \"stream\": true}";
        try (var server = TestServer.start(saying("one two three"))) {
            List<JsonNode> frames = server.stream("/generate", body);
            String last = "";
            for (JsonNode frame : frames) {
                assertThat(frame.get("text").stringValue()).startsWith(last);
                last = frame.get("text").stringValue();
            }
            assertThat(last).isEqualTo("one two three");
            assertThat(frames.getLast().get("output_ids").size())
                    .isEqualTo(tokenizer.encode("one two three").length + 1);
            assertThat(frames.getFirst().at("/meta_info/finish_reason").isNull())
                    .isTrue();
        }
        try (var server = TestServer.start(saying("one two three"), config -> config.incrementalStreaming(true))) {
            var whole = server.stream("/generate", body).stream()
                    .map(frame -> frame.get("text").stringValue())
                    .collect(Collectors.joining());
            assertThat(whole).isEqualTo("one two three");
        }
    }

    @Test
    void servesIdsWithoutATokenizer() {
        var model = NanoText.model(null, SamplingFields.NONE);
        var generator = ScriptedGenerator.answering(new int[] {5, 6}, new FinishReason.Length(2));
        try (var server = TestServer.start(model, generator, UnaryOperator.identity())) {
            JsonNode json =
                    server.post("/generate", "{\"input_ids\": [1, 2, 3]}").json();
            assertThat(names(json)).containsExactly("output_ids", "meta_info");
            assertThat(json.get("output_ids").toString()).isEqualTo("[5,6]");
            assertThat(server.post("/generate", "{\"text\": \"x\"}")
                            .json()
                            .get("message")
                            .stringValue())
                    .contains("--skip-tokenizer-init");
            assertThat(server.post(CHAT, HI + "}").status()).isEqualTo(400);
            var stop = server.post("/generate", "{\"input_ids\": [1], \"sampling_params\": {\"stop\": \"x\"}}");
            assertThat(stop.status()).isEqualTo(400);
        }
    }

    private static Set<String> names(JsonNode object) {
        return new java.util.LinkedHashSet<>(object.propertyNames());
    }
}
