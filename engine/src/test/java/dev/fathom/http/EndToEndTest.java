package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.EngineStats;
import dev.fathom.serve.NanoText;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.Answer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The whole way: sockets, JSON, template, tokenizer, engine, model, and back. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EndToEndTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final int CLIENTS = 64;

    private final Tokenizer tokenizer = NanoText.tokenizer();

    private NanoServer server;

    @BeforeAll
    void start() {
        server = NanoServer.start(config -> config.withChunkedPrefillSize(256));
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @AfterEach
    void nothingLeaks() throws InterruptedException {
        Waiting.until(() -> server.stats().runningRequests() == 0 && server.http.text.openSequences() == 0);
        EngineStats stats = server.stats();
        assertThat(stats.kvUsedTokens()).isEqualTo(stats.kvEvictableTokens());
        assertThat(stats.kvUsedTokens() + stats.kvAvailableTokens()).isEqualTo(stats.kvTotalTokens());
    }

    static List<NanoGolden> golden() {
        return NanoGolden.all();
    }

    @ParameterizedTest
    @MethodSource("golden")
    void answersAsTheReferenceDoes(NanoGolden golden) {
        JsonNode whole = server.http.post(CHAT, golden.chat().toString()).json();
        assertThat(ChatReplies.whole(whole, 0)).isEqualTo(golden.parts());
        boolean ended = golden.ids()[golden.ids().length - 1] == NanoText.EOS;
        assertThat(whole.at("/choices/0/finish_reason").stringValue())
                .isEqualTo(!ended ? "length" : golden.parts().calls().isEmpty() ? "stop" : "tool_calls");
        assertThat(whole.at("/usage/prompt_tokens").intValue()).isEqualTo(golden.prompt().length);
        assertThat(whole.at("/usage/completion_tokens").intValue()).isEqualTo(golden.ids().length);
        assertThat(stream(golden.chat())).isEqualTo(golden.parts());
        String ids = Arrays.toString(golden.prompt());
        JsonNode generated = server.http
                .post(
                        "/generate",
                        "{\"input_ids\": " + ids + ", \"sampling_params\": {\"temperature\": 0, \"max_new_tokens\": "
                                + golden.ids().length + "}}")
                .json();
        assertThat(generated.get("output_ids").toString())
                .isEqualTo(Arrays.toString(golden.ids()).replace(" ", ""));
        assertThat(generated.at("/meta_info/cached_tokens").intValue()).isPositive();
    }

    @Test
    void answersManyClientsAtOnceAsItAnswersEachAlone() throws Exception {
        List<NanoGolden> cases = golden();
        try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
            var answers = new ArrayList<Future<Answer>>();
            var wanted = new ArrayList<Answer>();
            for (int i = 0; i < CLIENTS; i++) {
                NanoGolden golden = cases.get(i % cases.size());
                int tokens = 1 + (i * 37) % golden.ids().length;
                ObjectNode request = golden.chat().put("max_tokens", tokens).put("separate_reasoning", false);
                request.remove("tools");
                request.set("input_ids", JsonMapper.shared().valueToTree(golden.prompt()));
                wanted.add(new Answer("", tokenizer.decode(Arrays.copyOf(golden.ids(), tokens), true), List.of()));
                Callable<Answer> client = () -> stream(request);
                answers.add(clients.submit(client));
            }
            for (int i = 0; i < CLIENTS; i++) {
                assertThat(answers.get(i).get()).as("client %d", i).isEqualTo(wanted.get(i));
            }
        }
        System.out.printf("prefix cache hit rate %.2f%n", server.stats().cacheHitRate());
    }

    @Test
    void givesProbabilitiesOfWhatItSays() {
        JsonNode json = server.http
                .post(
                        CHAT,
                        golden().get(2)
                                .chat()
                                .put("logprobs", true)
                                .put("top_logprobs", 3)
                                .toString())
                .json();
        for (JsonNode token : json.at("/choices/0/logprobs/content")) {
            assertThat(token.get("logprob").doubleValue()).isBetween(-20.0, 0.0);
            assertThat(token.get("top_logprobs").size()).isEqualTo(3);
            assertThat(token.at("/top_logprobs/0/token").stringValue())
                    .isEqualTo(token.get("token").stringValue());
        }
    }

    @Test
    void abortsALongPrefillWhoseClientLeaves() throws Exception {
        for (boolean stream : new boolean[] {true, false}) {
            // Different words each time, or the prefix cache would spare the work.
            String words = (stream ? "red " : "blue ").repeat(6000);
            try (var client = new RawClient(server.http.port())) {
                client.post("/generate", "{\"text\": \"" + words + "\", \"stream\": " + stream + "}");
                Waiting.until(() -> server.stats().runningRequests() == 1);
            }
            long steps = server.stats().steps();
            Waiting.until(() -> server.stats().runningRequests() == 0);
            // A chunk is 256 tokens: the whole prompt would have taken more than 20 steps.
            assertThat(server.stats().steps() - steps).isLessThan(6);
        }
    }

    @Test
    void abortsAnAnswerWhoseClientLeaves() throws Exception {
        for (boolean stream : new boolean[] {true, false}) {
            try (var client = new RawClient(server.http.port())) {
                client.post(
                        "/generate",
                        "{\"text\": \"Once\", \"stream\": " + stream
                                + ", \"sampling_params\": {\"max_new_tokens\": 4000, \"ignore_eos\": true}}");
                if (stream) {
                    client.readUntil("data: ");
                } else {
                    long before = server.stats().generatedTokens();
                    Waiting.until(() -> server.stats().generatedTokens() > before);
                }
            }
            Waiting.until(() -> server.stats().runningRequests() == 0);
        }
        assertThat(stream(golden().get(2).chat())).isEqualTo(golden().get(2).parts());
    }

    @Test
    void emptiesItsCacheOnRequest() {
        assertThat(server.http.post("/flush_cache", "").status()).isEqualTo(200);
        assertThat(server.stats().kvUsedTokens()).isZero();
    }

    /** Whoever reads usage off a stream's first frame gets what the last one says. */
    @Test
    void saysFromTheFirstFrameOnHowMuchOfThePromptWasCached() {
        String prompt = "Once upon a time, there was a king who had three sons.";
        String options =
                "\"stream\": true, \"stream_options\": {\"include_usage\": true, \"continuous_usage_stats\": true}";
        Map<String, String> paths = Map.of(
                "/generate",
                "{\"text\": \"" + prompt + "\", \"stream\": true, \"sampling_params\": {\"max_new_tokens\": 3}}",
                "/v1/completions",
                "{\"prompt\": \"" + prompt + "\", \"max_tokens\": 3, " + options + "}",
                CHAT,
                "{\"messages\": [{\"role\": \"user\", \"content\": \"" + prompt + "\"}], \"max_tokens\": 3, " + options
                        + "}",
                "/v1/messages",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"" + prompt + "\"}], \"max_tokens\": 3,"
                        + " \"stream\": true}");
        paths.forEach((path, body) -> {
            server.http.post(path, body);
            List<Integer> cached = server.http
                    .post(path, body)
                    .body()
                    .lines()
                    .filter(line -> line.startsWith("data: {"))
                    .map(line -> JsonMapper.shared().readTree(line.substring(6)))
                    .map(EndToEndTest::cached)
                    .filter(tokens -> tokens >= 0)
                    .toList();
            assertThat(cached).as(path).hasSizeGreaterThan(1).doesNotContain(0);
            assertThat(Set.copyOf(cached)).as(path).hasSize(1);
        });
    }

    /** What a frame says, -1 if it says nothing. */
    private static int cached(JsonNode frame) {
        for (String pointer : List.of(
                "/meta_info/cached_tokens",
                "/usage/prompt_tokens_details/cached_tokens",
                "/usage/cache_read_input_tokens",
                "/message/usage/cache_read_input_tokens")) {
            JsonNode tokens = frame.at(pointer);
            if (tokens.isNumber()) {
                return tokens.intValue();
            }
        }
        return -1;
    }

    private Answer stream(ObjectNode request) {
        ObjectNode streaming = request.deepCopy().put("stream", true);
        return ChatReplies.streamed(server.http.stream(CHAT, streaming.toString()), 0);
    }
}
