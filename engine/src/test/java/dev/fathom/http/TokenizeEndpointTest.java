package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TokenizeEndpointTest {
    private TestServer server;

    @BeforeAll
    void start() {
        server = TestServer.start(ScriptedGenerator.saying("x"));
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @Test
    void givesTheTokensThatAPromptWouldHave() {
        JsonNode reply = reply("/tokenize", "{\"model\": \"nano\", \"prompt\": \"Who are you?\"}");
        assertThat(reply.get("tokens").toString()).isEqualTo("[0,1833,81,414,362,33]");
        assertThat(reply.get("count").intValue()).isEqualTo(6);
        assertThat(reply.get("max_model_len").intValue()).isEqualTo(8192);
        reply = reply("/v1/tokenize", "{\"prompt\": [\"Who\", \"\"], \"add_special_tokens\": false}");
        assertThat(reply.get("tokens").toString()).isEqualTo("[[1833,81],[]]");
        assertThat(reply.get("count").toString()).isEqualTo("[2,0]");
    }

    @Test
    void givesTheTokensThatAConversationWouldHave() {
        for (NanoGolden golden : NanoGolden.all()) {
            var request = golden.chat();
            request.remove("temperature");
            request.remove("max_tokens");
            JsonNode reply = reply("/tokenize", request.toString());
            assertThat(reply.get("tokens").toString())
                    .isEqualTo(java.util.Arrays.toString(golden.prompt()).replace(" ", ""));
        }
    }

    @Test
    void givesTheTextOfTokens() {
        assertThat(reply("/detokenize", "{\"tokens\": [0, 1833, 81, 414]}")
                        .get("text")
                        .stringValue())
                .isEqualTo("Who are");
        String bos = NanoText.tokenizer().decode(new int[] {0}, false);
        assertThat(reply("/v1/detokenize", "{\"tokens\": [[0], []], \"skip_special_tokens\": false}")
                        .get("text")
                        .toString())
                .isEqualTo("[\"" + bos + "\",\"\"]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/tokenize   | {}                                      | Either prompt or messages must be given",
                "/tokenize   | {\"prompt\": \"a\", \"messages\": []}   | and not both: got both",
                "/tokenize   | {\"prompt\": 5}                         | prompt must be a string or an array of strings",
                "/tokenize   | {\"prompt\": [\"a\", 5]}                | prompt[1] must be a string, got number",
                "/tokenize   | {\"prompt\": \"a\", \"tools\": []}      | Unknown field \"tools\"",
                "/detokenize | {}                                      | tokens is missing",
                "/detokenize | {\"tokens\": [\"a\"]}                   | tokens[0] must be an integer",
                "/detokenize | {\"tokens\": [4096]}                    | outside the vocabulary [0, 4096)",
                "/detokenize | {\"tokens\": [-1]}                      | outside the vocabulary [0, 4096)"
            })
    void refusesWhatItCannotRead(String path, String request, String message) {
        var reply = server.post(path, request);
        assertThat(reply.status()).isEqualTo(400);
        assertThat(reply.json().get("message").stringValue()).contains(message);
    }

    private JsonNode reply(String path, String request) {
        var reply = server.post(path, request);
        assertThat(reply.status()).as(reply.body()).isEqualTo(200);
        return reply.json();
    }
}
