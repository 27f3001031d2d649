package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every case is refused with its status and a message that helps, and the next request is answered right. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String COMPLETIONS = "/v1/completions";
    private static final String GENERATE = "/generate";
    private static final String SEPARATE = "/separate_reasoning";
    private static final String CALLS = "/parse_function_call";
    private static final String GOOD = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";

    private TestServer server;

    record Case(String path, String body, int status, String fragment) {
        @Override
        public String toString() {
            return path + " " + (body.length() > 90 ? body.substring(0, 90) + "..." : body);
        }
    }

    @BeforeAll
    void start() {
        int[] hello = NanoText.tokenizer().encode("Hello");
        server = TestServer.start(
                ScriptedGenerator.answering(hello, new FinishReason.Length(hello.length)),
                config -> config.maxBodyBytes(100_000));
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @ParameterizedTest
    @MethodSource({
        "bodies",
        "types",
        "ranges",
        "unserved",
        "messages",
        "completions",
        "scoresAndRefusedEndpoints",
        "generate",
        "parsing"
    })
    void isRefusedWithAMessageThatHelps(Case bad) {
        TestServer.Reply reply = server.post(bad.path(), bad.body());
        assertThat(reply.status()).as(reply.body()).isEqualTo(bad.status());
        assertThat(reply.json().get("object").stringValue()).isEqualTo("error");
        assertThat(reply.json().get("code").intValue()).isEqualTo(bad.status());
        assertThat(reply.json().get("message").stringValue()).contains(bad.fragment());
        assertNextIsRight();
    }

    @Test
    void leavesTheConnectionUsableOrClosed() {
        for (int i = 0; i < 50; i++) {
            server.post(CHAT, "{");
        }
        assertNextIsRight();
        assertThat(server.text.openSequences()).isZero();
    }

    private void assertNextIsRight() {
        TestServer.Reply good = server.post(CHAT, GOOD);
        assertThat(good.status()).as(good.body()).isEqualTo(200);
        assertThat(good.json().at("/choices/0/message/content").stringValue()).isEqualTo("Hello");
    }

    static Stream<Case> bodies() {
        String deep = "[".repeat(5000) + "]".repeat(5000);
        return Stream.of(
                new Case(CHAT, "", 400, "The body is empty"),
                new Case(CHAT, "   ", 400, "The body must be a JSON object, got nothing"),
                new Case(CHAT, "hello", 400, "The body is not valid JSON"),
                new Case(CHAT, "{\"messages\": [", 400, "line 1, column"),
                new Case(CHAT, "{\n  \"messages\": oops}", 400, "(line 2, column"),
                new Case(CHAT, "[1, 2]", 400, "must be a JSON object, got array"),
                new Case(CHAT, "\"text\"", 400, "must be a JSON object, got string"),
                new Case(CHAT, "null", 400, "must be a JSON object, got null"),
                new Case(CHAT, GOOD + GOOD, 400, "The body is not valid JSON"),
                new Case(CHAT, with("\"x\": NaN"), 400, "The body is not valid JSON: Non-standard token 'NaN' (line 1"),
                new Case(CHAT, with("\"metadata\": " + deep), 400, "exceeds the maximum allowed (200)."),
                new Case(CHAT, with("\"user\": \"" + "x".repeat(200_000) + "\""), 413, "too large"),
                new Case(CHAT, chat("\"half \\ud83d pair\""), 400, "half of a surrogate pair at character 5"),
                new Case(CHAT, with("\"temprature\": 1"), 400, "Unknown field \"temprature\""));
    }

    static Stream<Case> types() {
        return Stream.of(
                new Case(CHAT, with("\"temperature\": \"0.5\""), 400, "temperature must be a number, got string"),
                new Case(CHAT, with("\"max_tokens\": \"ten\""), 400, "max_tokens must be an integer, got string"),
                new Case(CHAT, with("\"max_tokens\": 1.5"), 400, "max_tokens must be an integer, got 1.5"),
                new Case(CHAT, with("\"max_tokens\": 99999999999"), 400, "max_tokens must fit into 32 bits"),
                new Case(CHAT, with("\"seed\": 1e300"), 400, "seed must fit into 64 bits"),
                new Case(CHAT, with("\"stream\": \"yes\""), 400, "stream must be a boolean, got string"),
                new Case(CHAT, with("\"stop\": 5"), 400, "stop must be a string or an array of strings, got number"),
                new Case(CHAT, with("\"stop\": [\"a\", 5]"), 400, "stop[1] must be a string, got number"),
                new Case(CHAT, with("\"logit_bias\": [1]"), 400, "logit_bias must be an object"),
                new Case(CHAT, with("\"logit_bias\": {\"x\": 1}"), 400, "logit_bias needs token ids as keys"),
                new Case(CHAT, with("\"stop_token_ids\": [\"a\"]"), 400, "stop_token_ids[0] must be an integer"),
                new Case(CHAT, with("\"model\": 7"), 400, "model must be a string, got number"),
                new Case(CHAT, with("\"chat_template_kwargs\": []"), 400, "chat_template_kwargs must be an object"),
                new Case(CHAT, with("\"tools\": {}"), 400, "tools must be an array, got object"));
    }

    static Stream<Case> ranges() {
        return Stream.of(
                new Case(CHAT, with("\"temperature\": -1"), 400, "temperature must be non-negative"),
                new Case(CHAT, with("\"temperature\": 1e99"), 400, "temperature must be non-negative and finite"),
                new Case(CHAT, with("\"top_p\": 0"), 400, "top_p must be in (0, 1]"),
                new Case(CHAT, with("\"top_k\": 0"), 400, "top_k must be -1 (disable) or at least 1"),
                new Case(CHAT, with("\"min_p\": 1.5"), 400, "min_p must be in [0, 1]"),
                new Case(CHAT, with("\"frequency_penalty\": 3"), 400, "frequency_penalty must be in [-2, 2]"),
                new Case(CHAT, with("\"repetition_penalty\": 0"), 400, "repetition_penalty must be in (0, 2]"),
                new Case(CHAT, with("\"max_tokens\": 0"), 400, "max_tokens must be at least 1"),
                new Case(CHAT, with("\"max_tokens\": 2, \"min_tokens\": 3"), 400, "min_tokens must be in [0, 2]"),
                new Case(CHAT, with("\"n\": 0"), 400, "n must be in [1, 128]"),
                new Case(CHAT, with("\"n\": 1000"), 400, "n must be in [1, 128]"),
                new Case(CHAT, with("\"stop\": \"\""), 400, "stop must not contain an empty string"),
                new Case(CHAT, with("\"stop_token_ids\": [4096]"), 400, "the vocabulary is [0, 4096)"),
                new Case(CHAT, with("\"logprobs\": true, \"top_logprobs\": 500"), 400, "top_logprobs must be in"),
                new Case(CHAT, with("\"top_logprobs\": 3"), 400, "top_logprobs needs logprobs to be true"),
                new Case(CHAT, with("\"stream_options\": {}"), 400, "stream_options needs stream to be true"),
                new Case(CHAT, with("\"rid\": \"\""), 400, "rid is empty"));
    }

    static Stream<Case> unserved() {
        String strict = "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", \"strict\": true,"
                + " \"parameters\": {\"type\": \"object\", \"properties\": {\"a\": {\"not\": {}}}}}}]";
        String named = "\"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"f\"}}";
        return Stream.concat(
                Stream.of(
                        new Case(
                                CHAT,
                                with("\"response_format\": {\"type\": \"structural_tag\"}"),
                                400,
                                "Failed to compile structural_tag grammar: structural_tag.structures is missing"),
                        new Case(
                                CHAT,
                                with("\"response_format\": {\"type\": \"json\"}"),
                                400,
                                "response_format.type must be text, json_object, json_schema or structural_tag, got \"json\""),
                        new Case(
                                CHAT,
                                with("\"response_format\": {\"type\": \"json_schema\"}"),
                                400,
                                "Missing required parameter: 'response_format.json_schema'."),
                        new Case(CHAT, with(schema("{\"not\": {}}")), 400, "#/not is not supported"),
                        new Case(CHAT, with(schema("{\"type\": 5}")), 400, "#/type must be a type of JSON"),
                        new Case(
                                CHAT,
                                with("\"regex\": \"a\", " + schema("{}")),
                                400,
                                "Only one of regex, json_schema, or ebnf can be set."),
                        new Case(CHAT, with("\"regex\": \"(\""), 400, "Failed to compile regex grammar: "),
                        new Case(CHAT, with("\"ebnf\": \"root ::= a\""), 400, "uses the rule a"),
                        new Case(CHAT, with(named), 400, "asks for the function \"f\", but tools does not have it"),
                        new Case(CHAT, with("\"tool_choice\": \"required\""), 400, "asks for at least one tool, but"),
                        new Case(
                                CHAT, with("\"tool_choice\": \"always\""), 400, "tool_choice must be auto, none, requ"),
                        new Case(
                                CHAT, with("\"tool_choice\": {\"type\": \"allowed_tools\"}"), 400, "as an object must"),
                        new Case(
                                CHAT,
                                with(strict),
                                400,
                                "tools[0].function is strict, but its parameters cannot be enforced:"),
                        new Case(CHAT, with("\"max_thinking_tokens\": -1"), 400, "must be at least 0, got -1"),
                        new Case(CHAT, with("\"reasoning_effort\": 1.5"), 400, "reasoning_effort must be one of none,"),
                        new Case(
                                CHAT,
                                with("\"reasoning\": {\"effort\": 3}"),
                                400,
                                "reasoning.effort must be one of none,"),
                        new Case(
                                CHAT,
                                with("\"reasoning\": {\"max_tokens\": 3}"),
                                400,
                                "field \"reasoning.max_tokens\""),
                        new Case(CHAT, with("\"priority\": 3"), 400, "Using priority is disabled"),
                        new Case(CHAT, with("\"service_tier\": \"flex\""), 400, "service_tier must be auto"),
                        new Case(CHAT, with("\"modalities\": [\"audio\"]"), 400, "modalities must be [\"text\"]"),
                        new Case(
                                CHAT,
                                with("\"chat_template_kwargs\": {\"messages\": []}"),
                                400,
                                "must not set messages")),
                Stream.of(
                                "\"stop_regex\": \"a\"",
                                "\"lora_path\": \"x\"",
                                "\"session_params\": {\"id\": 1}",
                                "\"custom_logit_processor\": \"x\"",
                                "\"return_hidden_states\": true",
                                "\"functions\": [{}]",
                                "\"bootstrap_host\": \"h\"")
                        .map(field ->
                                new Case(CHAT, with(field), 400, field.split("\"")[1] + " is not supported yet")));
    }

    static Stream<Case> messages() {
        String image = "[{\"type\": \"image_url\", \"image_url\": {\"url\": \"http://x\"}}]";
        return Stream.of(
                new Case(CHAT, "{}", 400, "messages is missing"),
                new Case(CHAT, "{\"messages\": []}", 400, "messages is empty"),
                new Case(CHAT, with("\"input_ids\": [-1]"), 400, "Token id -1 is outside the vocabulary"),
                new Case(CHAT, "{\"messages\": \"Hi\"}", 400, "messages must be an array, got string"),
                new Case(CHAT, "{\"messages\": [5]}", 400, "messages[0] must be an object, got number"),
                new Case(CHAT, "{\"messages\": [{\"content\": \"x\"}]}", 400, "messages[0].role is missing"),
                new Case(CHAT, "{\"messages\": [{\"role\": \"king\"}]}", 400, "messages[0].role must be one of"),
                new Case(CHAT, "{\"messages\": [{\"role\": \"user\"}]}", 400, "messages[0].content is missing"),
                new Case(CHAT, chat("5"), 400, "content must be a string or an array of parts, got number"),
                new Case(CHAT, chat(image), 400, "has the type \"image_url\", but this model reads text only"),
                new Case(CHAT, chat("[{\"type\": \"text\"}]"), 400, "messages[0].content[0].text is missing"),
                new Case(CHAT, with("\"tools\": [{\"name\": \"f\"}]"), 400, "tools[0] must be {\"type\": \"function\""),
                new Case(
                        CHAT,
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"x\", \"mood\": 1}]}",
                        400,
                        "Unknown field \"messages[0].mood\""),
                new Case(
                        CHAT,
                        "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"a\"}]}]}",
                        400,
                        "messages[0].tool_calls[0] must have a function with a name"),
                new Case(CHAT, with("\"continue_final_message\": true"), 400, "needs the assistant's message"));
    }

    static Stream<Case> completions() {
        return Stream.of(
                new Case(COMPLETIONS, "{}", 400, "prompt is missing"),
                new Case(COMPLETIONS, "{\"prompt\": 5}", 400, "prompt must be a string, token ids, or an array"),
                new Case(COMPLETIONS, "{\"prompt\": []}", 400, "prompt is empty"),
                new Case(COMPLETIONS, "{\"prompt\": [1, \"a\"]}", 400, "prompt[1] must be an integer, got string"),
                new Case(COMPLETIONS, "{\"prompt\": [[1], 2]}", 400, "prompt[1] must be a string or an array"),
                new Case(COMPLETIONS, "{\"prompt\": [[]]}", 400, "The prompt is empty"),
                new Case(COMPLETIONS, "{\"prompt\": [-1]}", 400, "Token id -1 is outside the vocabulary [0, 4096)"),
                new Case(COMPLETIONS, "{\"prompt\": [[1], [4096]]}", 400, "Token id 4096 is outside the vocabulary"),
                new Case(COMPLETIONS, "{\"prompt\": \"x\", \"max_tokens\": 0}", 400, "max_tokens must be at least 1"),
                new Case(
                        COMPLETIONS,
                        "{\"prompt\": \"x\", \"suffix\": \"y\"}",
                        400,
                        "suffix is not supported: DeepSeek"),
                new Case(COMPLETIONS, "{\"prompt\": \"x\", \"best_of\": 3}", 400, "best_of is not supported yet"),
                new Case(COMPLETIONS, "{\"prompt\": \"x\", \"logprobs\": true}", 400, "logprobs must be an integer"),
                new Case(COMPLETIONS, "{\"prompt\": \"x\", \"messages\": []}", 400, "Unknown field \"messages\""));
    }

    static Stream<Case> scoresAndRefusedEndpoints() {
        String score = "/v1/score";
        return Stream.of(
                new Case(score, "{}", 400, "label_token_ids is missing"),
                new Case(score, "{\"label_token_ids\": [1], \"items\": \"a\"}", 400, "query is missing"),
                new Case(score, "{\"label_token_ids\": [1], \"query\": \"a\"}", 400, "items is missing"),
                new Case(
                        score,
                        "{\"label_token_ids\": [1], \"query\": \"a\", \"items\": [[1]]}",
                        400,
                        "items[0] must be a string, as query is, got array"),
                new Case(
                        score,
                        "{\"label_token_ids\": [1], \"query\": [-1], \"items\": [[1]]}",
                        400,
                        "Token id -1 is outside the vocabulary"),
                new Case("/v1/embeddings", "{\"input\": \"a\"}", 400, "Please add `--is-embedding`"),
                new Case("/encode", "{\"text\": \"a\"}", 400, "does not appear to be an embedding model"),
                new Case("/open_session", "{}", 400, "Sessions are not supported"),
                new Case("/load_lora_adapter", "{}", 400, "LoRA adapters are not supported"),
                new Case("/update_weights_from_disk", "{}", 400, "Weights are not changed while the server runs"));
    }

    static Stream<Case> generate() {
        String two = "{\"text\": [\"a\", \"b\"], ";
        return Stream.of(
                new Case(GENERATE, "{}", 400, "Either text or input_ids must be given"),
                new Case(GENERATE, "{\"text\": \"a\", \"input_ids\": [1]}", 400, "and not both: got both"),
                new Case(GENERATE, "{\"text\": 5}", 400, "text must be a string or an array of strings"),
                new Case(GENERATE, "{\"text\": []}", 400, "text is empty"),
                new Case(GENERATE, "{\"input_ids\": []}", 400, "The prompt is empty"),
                new Case(GENERATE, "{\"input_ids\": [1.5]}", 400, "input_ids[0] must be an integer"),
                new Case(GENERATE, "{\"input_ids\": [[1], [3, -1, 2]]}", 400, "Token id -1 is outside the vocabulary"),
                new Case(GENERATE, two + "\"sampling_params\": [{}]}", 400, "one entry for each of the 2 prompts"),
                new Case(GENERATE, two + "\"rid\": [\"a\", \"a\"]}", 400, "rid must not repeat an id"),
                new Case(GENERATE, sampling("\"max_new_tokens\": -1"), 400, "max_new_tokens must be at least 0"),
                new Case(
                        GENERATE,
                        sampling("\"max_new_tokens\": 1, \"min_new_tokens\": 2"),
                        400,
                        "sampling_params.min_new_tokens must be in [0, 1]"),
                new Case(
                        GENERATE,
                        sampling("\"json_schema\": \"{\""),
                        400,
                        "The JSON schema is not valid JSON: Unexpected end-of-input: expected close marker for Object (line 1, c"),
                new Case(
                        GENERATE,
                        sampling("\"json_schema\": {}"),
                        400,
                        "sampling_params.json_schema must be a string, got object"),
                new Case(
                        GENERATE,
                        sampling("\"json_schema\": \"{}\", \"ebnf\": \"\""),
                        400,
                        "Only one of regex, json_schema, or ebnf can be set."),
                new Case(GENERATE, sampling("\"max_tokens\": 5"), 400, "Unknown field \"sampling_params.max_tokens\""),
                new Case(GENERATE, "{\"text\": \"a\", \"input_embeds\": [[1]]}", 400, "input_embeds is not supported"),
                new Case(
                        GENERATE,
                        "{\"text\": \"a\", \"return_logprob\": true, \"logprob_start_len\": -2}",
                        400,
                        "logprob_start_len must be -1 (none of the prompt) or a position"),
                new Case(
                        GENERATE,
                        "{\"input_ids\": [1, 2], \"return_logprob\": true, \"logprob_start_len\": 2}",
                        400,
                        "logprob_start_len (2) must be less than the number of input tokens (2)"),
                new Case(
                        GENERATE,
                        two + "\"token_ids_logprob\": [[1]]}",
                        400,
                        "token_ids_logprob must have one entry for each of the 2 prompts, got 1"));
    }

    static Stream<Case> parsing() {
        String function = "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";
        return Stream.of(
                new Case(SEPARATE, "{}", 400, "text is missing"),
                new Case(
                        SEPARATE,
                        "{\"text\": \"a\", \"reasoning_parser\": \"qwen3\"}",
                        400,
                        "reasoning_parser must be one of deepseek-r1, deepseek-v3, "),
                new Case(CALLS, "{\"text\": \"a\"}", 400, "tools is missing"),
                new Case(
                        CALLS,
                        "{\"text\": \"a\", " + function + ", \"tool_call_parser\": \"hermes\"}",
                        400,
                        "tool_call_parser must be one of deepseekv3, deepseekv31, deepseekv32, got \"hermes\""));
    }

    @Test
    void countsAtLeastFortyCases() {
        long cases = List.of(bodies(), types(), ranges(), unserved(), messages(), completions(), generate()).stream()
                .mapToLong(Stream::count)
                .sum();
        assertThat(cases).isGreaterThanOrEqualTo(40);
    }

    /** The good chat with one more field. */
    private static String with(String field) {
        return GOOD.substring(0, GOOD.length() - 1) + ", " + field + "}";
    }

    private static String schema(String schema) {
        return "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\", \"schema\": "
                + schema + "}}";
    }

    private static String chat(String content) {
        return "{\"messages\": [{\"role\": \"user\", \"content\": " + content + "}]}";
    }

    private static String sampling(String field) {
        return "{\"text\": \"a\", \"sampling_params\": {" + field + "}}";
    }
}
