package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

/** Log-probabilities of prompts, over a real socket from the embedded model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PromptLogprobsTest {
    private static final String PROMPT = "The capital of Norway is Oslo.";
    private NanoServer server;

    @BeforeAll
    void start() {
        server = NanoServer.start(config -> config.withChunkedPrefillSize(4));
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @Test
    void explainsWhatItGeneratedBeforeAsItDidThen() {
        JsonNode first =
                generate("\"return_logprob\": true, \"top_logprobs_num\": 2, \"logprob_start_len\": 0", PROMPT, 5);
        JsonNode said = first.at("/meta_info/output_token_logprobs");
        assertThat(said.size()).isEqualTo(5);
        JsonNode input = first.at("/meta_info/input_token_logprobs");
        assertThat(input.size()).isEqualTo(first.at("/meta_info/prompt_tokens").intValue());
        assertThat(input.get(0).get(0).isNull()).isTrue();
        assertThat(first.at("/meta_info/input_top_logprobs").size()).isEqualTo(input.size());
        assertThat(first.at("/meta_info/input_top_logprobs/0").isNull()).isTrue();
        assertThat(first.at("/meta_info/input_top_logprobs/1").size()).isEqualTo(2);

        JsonNode again = generate(
                "\"return_logprob\": true, \"logprob_start_len\": " + (input.size() - 1) + ", \"token_ids_logprob\": ["
                        + said.get(2).get(1).intValue() + "], \"return_text_in_logprobs\": true",
                PROMPT + first.get("text").stringValue(),
                0);
        JsonNode explained = again.at("/meta_info/input_token_logprobs");
        for (int i = 0; i < 5; i++) {
            assertThat(explained.get(i + 1).get(1)).isEqualTo(said.get(i).get(1));
            assertThat(explained.get(i + 1).get(0).floatValue())
                    .isCloseTo(said.get(i).get(0).floatValue(), within(1e-4f));
            assertThat(explained.get(i + 1).get(2).isString()).isTrue();
        }
        assertThat(again.at("/meta_info/input_token_ids_logprobs/3/0/0")).isEqualTo(explained.at("/3/0"));
        assertThat(again.at("/meta_info/output_token_logprobs").size()).isZero();
        assertThat(again.at("/meta_info/finish_reason/type").stringValue()).isEqualTo("length");
    }

    @Test
    void echoesAPromptWithItsLogprobs() {
        String body = "{\"prompt\": \"" + PROMPT + "\", \"echo\": true, \"logprobs\": 1, \"temperature\": 0";
        JsonNode scored = server.http
                .post("/v1/completions", body + ", \"max_tokens\": 0}")
                .json();
        JsonNode logprobs = scored.at("/choices/0/logprobs");
        int tokens = scored.at("/usage/prompt_tokens").intValue();
        assertThat(scored.at("/choices/0/text").stringValue()).isEqualTo(PROMPT);
        for (String array : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
            assertThat(logprobs.get(array).size()).as(array).isEqualTo(tokens);
        }
        assertThat(logprobs.at("/token_logprobs/0").isNull()).isTrue();
        assertThat(logprobs.at("/top_logprobs/0").isNull()).isTrue();
        assertThat(logprobs.at("/token_logprobs/1").floatValue()).isNegative();

        List<JsonNode> frames = server.http.stream("/v1/completions", body + ", \"max_tokens\": 3, \"stream\": true}");
        assertThat(frames.getFirst().at("/choices/0/logprobs/tokens").size()).isEqualTo(tokens + 1);
        assertThat(frames.getFirst().at("/choices/0/logprobs/token_logprobs/1"))
                .isEqualTo(logprobs.at("/token_logprobs/1"));
        assertThat(frames.get(1).at("/choices/0/logprobs/tokens").size()).isEqualTo(1);
    }

    @Test
    void answersEachPromptOfABatchAsItAsks() {
        JsonNode batch = server.http
                .post(
                        "/generate",
                        "{\"text\": [\"" + PROMPT + "\", \"Hi there\"], \"return_logprob\": [true, false],"
                                + " \"logprob_start_len\": [2, 0], \"sampling_params\": {\"max_new_tokens\": 1}}")
                .json();
        assertThat(batch.at("/0/meta_info/input_token_logprobs").size())
                .isEqualTo(batch.at("/0/meta_info/prompt_tokens").intValue() - 2);
        assertThat(batch.at("/1/meta_info").has("input_token_logprobs")).isFalse();
    }

    @Test
    void scoresItemsByTheTokensThatMayFollow() {
        JsonNode top = generate("\"return_logprob\": true, \"top_logprobs_num\": 2", PROMPT, 1)
                .at("/meta_info/output_top_logprobs/0");
        String body =
                "{\"query\": \"The capital of\", \"items\": [\" Norway is Oslo.\", \" x\"], \"label_token_ids\": ["
                        + top.at("/1/1").intValue() + ", " + top.at("/0/1").intValue() + "]";
        JsonNode scored = server.http.post("/v1/score", body + "}").json();
        assertThat(scored.at("/scores").size()).isEqualTo(2);
        assertThat(scored.at("/scores/0/0").doubleValue())
                .isCloseTo(Math.exp(top.at("/1/0").doubleValue()), within(1e-4));
        assertThat(scored.at("/scores/0/1").doubleValue())
                .isCloseTo(Math.exp(top.at("/0/0").doubleValue()), within(1e-4));
        JsonNode shares = server.http
                .post("/v1/score", body + ", \"apply_softmax\": true}")
                .json()
                .at("/scores/1");
        assertThat(shares.get(0).doubleValue() + shares.get(1).doubleValue()).isCloseTo(1, within(1e-6));
        JsonNode turned = server.http
                .post(
                        "/v1/score",
                        "{\"query\": [8, 9], \"items\": [[5, 6]], \"label_token_ids\": [1], \"item_first\": true}")
                .json();
        JsonNode straight = server.http
                .post("/v1/score", "{\"query\": [5], \"items\": [[6, 8, 9]], \"label_token_ids\": [1]}")
                .json();
        assertThat(turned.at("/scores/0/0").doubleValue())
                .isCloseTo(straight.at("/scores/0/0").doubleValue(), within(1e-5));
    }

    private JsonNode generate(String fields, String text, int maxNewTokens) {
        return server.http
                .post(
                        "/generate",
                        "{\"text\": \"" + text + "\", " + fields
                                + ", \"sampling_params\": {\"temperature\": 0, \"max_new_tokens\": " + maxNewTokens
                                + "}}")
                .json();
    }
}
