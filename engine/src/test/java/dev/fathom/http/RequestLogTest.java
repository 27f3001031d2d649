package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.ScriptedGenerator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the request log shows of bodies and answers, beside what {@link ControlRoutesTest} says of its levels. */
class RequestLogTest {
    private static final String SCHEMA = "{\"type\": \"object\", \"properties\": {\"secret\": {\"type\": \"string\"}}}";
    private static final String QUOTED = JsonMapper.shared().writeValueAsString(SCHEMA);

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final TestServer server = TestServer.start(
            ScriptedGenerator.saying("{\"secret\": \"ok\"}"),
            config -> config.requestLogging(new HttpConfig.RequestLogging(true, 1, true, lines::add)));

    @AfterEach
    void stop() {
        server.close();
    }

    /** Wherever it stands: schemas of a client may say as much as its prompts. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            /generate | {"text": "Hi", "sampling_params": {"top_k": 7, "json_schema": QUOTED}}
            /generate | {"text": ["Hi"], "sampling_params": [{"top_k": 7, "json_schema": QUOTED}]}
            /generate | {"text": "Hi", "sampling_params": {"top_k": 7, "regex": ".*secret.*"}}
            /generate | {"text": "Hi", "sampling_params": {"top_k": 7, "ebnf": "root ::= \\"{\\" [^}]* \\"secret\\"? \\"}\\""}}
            /v1/completions | {"prompt": "Hi", "top_k": 7, "regex": ".*secret.*"}
            /v1/completions | {"prompt": "Hi", "top_k": 7, "json_schema": QUOTED}
            /v1/chat/completions | {"messages": MESSAGES, "top_k": 7, "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}}
            /v1/responses | {"input": "Hi", "top_k": 7, "text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}}
            /v1/messages | {"max_tokens": 9, "messages": MESSAGES, "top_k": 7, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
            """)
    void leavesSchemasAndGrammarsOutOfLevelOne(String path, String body) throws InterruptedException {
        String sent = body.replace("QUOTED", QUOTED)
                .replace("SCHEMA", SCHEMA)
                .replace("MESSAGES", "[{\"role\": \"user\", \"content\": \"Hi\"}]");
        TestServer.Reply reply = server.post(path, sent);
        assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        Waiting.until(() -> lines.size() == 2); // the answer goes out before its line
        assertThat(lines.toString()).contains("top_k").doesNotContain("secret");
        lines.clear();
        server.post("/configure_logging", "{\"log_requests_level\": 3}");
        server.post(path, sent);
        Waiting.until(() -> lines.size() == 2);
        assertThat(lines.getFirst()).contains("top_k", "secret");
    }

    @Test
    void shortensWhateverIsLong() throws InterruptedException {
        server.post("/v1/completions", "{\"prompt\": \"Hi\", \"stop\": [\"" + "x".repeat(9000) + "\"]}");
        Waiting.until(() -> lines.size() == 2);
        assertThat(lines.getFirst()).contains("xxx ... xxx").hasSizeLessThan(3000);
    }

    @Test
    void logsResponsesThatNobodyWaitsFor() throws InterruptedException {
        server.post("/configure_logging", "{\"log_requests_level\": 2}");
        String id = server.post("/v1/responses", "{\"input\": \"Hi\", \"background\": true}")
                .json()
                .get("id")
                .stringValue();
        Waiting.until(() -> lines.size() == 2);
        JsonNode received = JsonMapper.shared().readTree(lines.getFirst());
        assertThat(received.get("event").stringValue()).isEqualTo("request.received");
        assertThat(received.get("rid").stringValue()).isEqualTo(id);
        assertThat(received.at("/obj/input").stringValue()).isEqualTo("Hi");
        JsonNode finished = JsonMapper.shared().readTree(lines.getLast());
        assertThat(finished.get("event").stringValue()).isEqualTo("request.finished");
        assertThat(finished.at("/out/0/text").stringValue()).isEqualTo("{\"secret\": \"ok\"}");
        assertThat(finished.at("/out/0/finish_reason").stringValue()).isEqualTo("stop");
    }
}
