package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextService;
import dev.fathom.serve.TextStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Bodies broken at random are answered or refused; none is a defect, and none leaves work behind. */
class FuzzedBodyTest {
    private static final int ROUNDS = 5_000;

    private static final List<String> CHATS = List.of(
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi é\"}], \"max_tokens\": 5, \"temperature\": 0.5}",
            "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]},"
                    + " {\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"c\", \"type\": \"function\","
                    + " \"function\": {\"name\": \"f\", \"arguments\": \"{}\"}}]}], \"tools\": [{\"type\": \"function\","
                    + " \"function\": {\"name\": \"f\", \"parameters\": {}}}], \"logit_bias\": {\"5\": -1}}",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"stream\": true, \"stream_options\":"
                    + " {\"include_usage\": true}, \"stop\": [\"a\", \"b\"], \"seed\": 3, \"n\": 2,"
                    + " \"logprobs\": true, \"top_logprobs\": 2, \"chat_template_kwargs\": {\"thinking\": true}}",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [{\"type\": \"function\","
                    + " \"function\": {\"name\": \"f\", \"strict\": false}}], \"tool_choice\": {\"type\":"
                    + " \"function\", \"function\": {\"name\": \"f\"}}, \"parallel_tool_calls\": false,"
                    + " \"reasoning\": {\"effort\": \"low\", \"enabled\": true}, \"max_thinking_tokens\": 3,"
                    + " \"separate_reasoning\": false, \"stream_reasoning\": false}");

    private static final List<String> COMPLETIONS = List.of(
            "{\"prompt\": [\"a\", [5, 6]], \"max_tokens\": 3, \"logprobs\": 1, \"stop_token_ids\": [7]}",
            "{\"prompt\": [5, 6, 7], \"min_tokens\": 1, \"ignore_eos\": true, \"rid\": \"r\"}");

    private static final List<String> GENERATES = List.of(
            "{\"text\": [\"a\", \"b\"], \"sampling_params\": [{\"n\": 2}, {\"max_new_tokens\": 4}], \"rid\": [\"x\","
                    + " \"y\"], \"return_logprob\": [true, false], \"logprob_start_len\": -1}",
            "{\"input_ids\": [[1, 2], [3]], \"sampling_params\": {\"stop\": \"z\", \"top_k\": 3}, \"stream\": true}");

    /** What a broken value is often made of. */
    private static final List<String> PIECES = List.of(
            "null",
            "-1",
            "1e999",
            "[]",
            "{}",
            "\"\"",
            "true",
            "99999999999999999999",
            "\"\\ud800\"",
            "0.1",
            "[[[[",
            ",");

    private record Endpoint(Function<JsonFields, Call> read, List<String> bodies) {}

    @Test
    void neverMeetsADefect() throws InterruptedException {
        ServedModel model = NanoText.model();
        int[] ids = {5, 6};
        var generator = ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length));
        var service = new TextService(model, generator);
        var config = HttpConfig.defaults();
        var body = new JsonBody(config.maxBodyBytes());
        var chat = new ChatReader(config, model, new MessageReader(body.mapper(), false));
        List<Endpoint> endpoints = List.of(
                new Endpoint(chat::read, CHATS),
                new Endpoint(new CompletionReader(config, model)::read, COMPLETIONS),
                new Endpoint(new GenerateReader(config, model)::read, GENERATES));
        long seed = 20_261_123;
        System.out.println("FuzzedBodyTest seed " + seed);
        var random = new Random(seed);
        int answered = 0;
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (Endpoint endpoint : endpoints) {
                List<String> bodies = endpoint.bodies();
                byte[] broken = broken(bodies.get(random.nextInt(bodies.size())), random);
                try {
                    answer(endpoint.read().apply(body.parse(broken)), service);
                    answered++;
                } catch (RequestException e) {
                    assertThat(e.getMessage()).isNotBlank();
                    refused++;
                }
            }
        }
        assertThat(answered).isPositive();
        assertThat(refused).isGreaterThan(ROUNDS);
        assertThat(service.openSequences()).isZero();
    }

    private static void answer(Call call, TextService service) throws InterruptedException {
        try (TextStream stream = call.begin().apply(service)) {
            AnswerFormat format = call.format().apply(stream);
            assertThat(format.whole(stream.collect()).toString()).isNotEmpty();
        }
    }

    private static byte[] broken(String good, Random random) {
        var text = new StringBuilder(good);
        for (int change = random.nextInt(3); change >= 0; change--) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(4)) {
                case 0 -> text.setCharAt(at, (char) random.nextInt(0x100));
                case 1 -> text.deleteCharAt(at);
                case 2 -> text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
                default -> replaceValue(text, at, PIECES.get(random.nextInt(PIECES.size())));
            }
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Puts the piece where the value after the next colon is. */
    private static void replaceValue(StringBuilder text, int from, String piece) {
        int colon = text.indexOf(":", from);
        int end = colon < 0 ? -1 : text.indexOf(",", colon);
        if (end > 0) {
            text.replace(colon + 1, end, piece);
        }
    }
}
