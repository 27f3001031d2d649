package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.text.grammar.RandomSchemas;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Answers that follow a grammar, from the embedded model over a real socket. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StructuredOutputTest {
    private static final long SEED = 2_511_24;
    private static final String CHAT = "/v1/chat/completions";
    private static final String QUESTION =
            "Extract name, city as JSON: Priya is 31 years old, lives in Tokyo and works as a pilot.";
    private static final JsonMapper JSON = JsonMapper.shared();

    private NanoServer server;

    @BeforeAll
    void start() {
        server = NanoServer.start(config -> config);
    }

    @AfterAll
    void stop() {
        server.close();
    }

    @Test
    void followsFiftyRandomSchemasWhateverItDraws() {
        System.out.println("StructuredOutputTest seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 50; i++) {
            ObjectNode schema = RandomSchemas.object(random, 2);
            ObjectNode request =
                    chat(QUESTION).put("temperature", 1).put("seed", i).put("max_tokens", 1500);
            format(request, schema);
            JsonNode answer = server.http.post(CHAT, request.toString()).json();
            assertThat(answer.at("/choices/0/finish_reason").asString())
                    .as("schema %d %s: %s", i, schema, answer)
                    .isEqualTo("stop");
            String text = answer.at("/choices/0/message/content").stringValue();
            assertThat(RandomSchemas.isValid(schema, JSON.readTree(text)))
                    .as("schema %d %s: %s", i, schema, text)
                    .isTrue();
        }
    }

    @Test
    void answersWithAnyJsonObject() {
        ObjectNode request = chat(QUESTION);
        request.putObject("response_format").put("type", "json_object");
        String text = content(server.http.post(CHAT, request.toString()).json(), 0);
        assertThat(text).isEqualTo("{\"name\": \"Priya\", \"city\": \"Tokyo\"}");
    }

    /** The fields of the other APIs for it. */
    @Test
    void servesTheFormatsOfResponsesAndMessages() {
        String schema = "{\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"}, \"city\": {\"type\":"
                + " \"string\"}}, \"required\": [\"name\", \"city\"], \"additionalProperties\": false}";
        String format = "{\"type\": \"json_schema\", \"name\": \"person\", \"schema\": " + schema + "}";
        String response = "{\"temperature\": 0, \"input\": \"" + QUESTION + "\", \"text\": {\"format\": %s}%s}";
        JsonNode whole = server.http
                .post("/v1/responses", response.formatted(format, ""))
                .json();
        JsonNode person = JSON.readTree("{\"name\": \"Priya\", \"city\": \"Tokyo\"}");
        assertThat(JSON.readTree(whole.at("/output/0/content/0/text").stringValue()))
                .isEqualTo(person);
        assertThat(whole.at("/text/format/name").stringValue()).isEqualTo("person");
        List<JsonNode> events = AnthropicEndpointTest.named(server.http
                .post("/v1/responses", response.formatted("{\"type\": \"json_object\"}", ", \"stream\": true"))
                .body());
        assertThat(JSON.readTree(
                        events.getLast().at("/response/output/0/content/0/text").stringValue()))
                .isEqualTo(person);

        String message = "{\"temperature\": 0, \"max_tokens\": 100, \"messages\": [{\"role\": \"user\", \"content\": \""
                + QUESTION + "\"}], %s}";
        String anthropic = "{\"type\": \"json_schema\", \"schema\": " + schema + "}";
        for (String field :
                List.of("\"output_config\": {\"format\": " + anthropic + "}", "\"output_format\": " + anthropic)) {
            JsonNode reply =
                    server.http.post("/v1/messages", message.formatted(field)).json();
            assertThat(JSON.readTree(reply.at("/content/0/text").stringValue())).isEqualTo(person);
        }
        for (String refused : List.of(
                server.http
                        .post(
                                "/v1/responses",
                                response.formatted(format.replace("\"string\"}}", "\"string\"}}, \"not\": {}"), ""))
                        .body(),
                server.http
                        .post(
                                "/v1/messages",
                                message.formatted("\"output_config\": {\"format\": "
                                        + anthropic.replace("\"string\"}}", "\"string\"}}, \"not\": {}") + "}"))
                        .body())) {
            assertThat(refused).contains("not").contains("error");
        }
    }

    @Test
    void thinksFirstWhereTheTemplateLetsIt() {
        ObjectNode request = chat("What is 12 + 30?").put("max_tokens", 400);
        request.putObject("chat_template_kwargs").put("thinking", true);
        request.put("regex", "\\{\"sum\": [0-9]{1,3}\\}");
        JsonNode message = server.http.post(CHAT, request.toString()).json().at("/choices/0/message");
        String text = message.get("content").stringValue();
        int end = text.indexOf("</think>");
        String answer = end < 0 ? text : text.substring(end + "</think>".length());
        assertThat(answer).matches("\\{\"sum\": [0-9]{1,3}\\}");
        assertThat(end > 0 || !message.path("reasoning_content").asString("").isEmpty())
                .isTrue();
    }

    @Test
    void streamsSeveralAnswersThatFollowTheGrammar() {
        ObjectNode request = chat("Say yes or no.")
                .put("temperature", 1)
                .put("seed", 3)
                .put("n", 4)
                .put("stream", true);
        request.put("ebnf", "root ::= word (\", \" word){1,3}\nword ::= \"yes\" | \"no\"");
        List<StringBuilder> texts = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            texts.add(new StringBuilder());
        }
        for (JsonNode frame : server.http.stream(CHAT, request.toString())) {
            JsonNode choice = frame.at("/choices/0");
            texts.get(choice.get("index").intValue())
                    .append(choice.at("/delta/content").asString(""));
        }
        assertThat(texts).allMatch(text -> text.toString().matches("(yes|no)(, (yes|no)){1,3}"));
    }

    @Test
    void servesSglangsOwnEndpointAndCompletions() {
        String generate = "{\"text\": \"Answer:\", \"sampling_params\": {\"temperature\": 1, \"sampling_seed\": 1,"
                + " \"ignore_eos\": true, \"max_new_tokens\": 64, ";
        String json = server.http
                .post("/generate", generate + "\"json_schema\": \"{\\\"enum\\\": [\\\"up\\\", \\\"down\\\"]}\"}}")
                .json()
                .get("text")
                .stringValue();
        assertThat(json).isIn("\"up\"", "\"down\"");
        JsonNode regex = server.http
                .post("/generate", generate + "\"regex\": \"[ab]{5}\"}}")
                .json();
        assertThat(regex.get("text").stringValue()).matches("[ab]{5}");
        assertThat(regex.at("/meta_info/finish_reason/type").stringValue()).isEqualTo("stop");
        JsonNode completion = server.http
                .post(
                        "/v1/completions",
                        "{\"prompt\": \"Answer:\", \"max_tokens\": 64, \"response_format\":"
                                + " {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"n\", \"schema\": {\"type\":"
                                + " \"integer\", \"minimum\": 10, \"maximum\": 12}}}}")
                .json();
        assertThat(completion.at("/choices/0/text").stringValue()).isIn("10", "11", "12");
        String schema = "\"json_schema\": \"{\\\"enum\\\": [\\\"up\\\", \\\"down\\\"]}\"}";
        JsonNode sglangs = server.http
                .post("/v1/completions", "{\"prompt\": \"Answer:\", \"max_tokens\": 64, " + schema)
                .json();
        assertThat(sglangs.at("/choices/0/text").stringValue()).isIn("\"up\"", "\"down\"");
    }

    @Test
    void followsStructuralTags() {
        String tag = """
                {"type": "structural_tag", "format": {"type": "triggered_tags", "triggers": ["<n>"], "at_least_one": true,
                "stop_after_first": true, "tags": [{"type": "tag", "begin": "<n>", "end": "</n>",
                "content": {"type": "regex", "pattern": "[0-9]{2}"}}]}}""";
        ObjectNode request = chat("Say a number.").put("temperature", 1).put("seed", 1);
        request.set("response_format", JSON.readTree(tag));
        String content = content(server.http.post(CHAT, request.toString()).json(), 0);
        assertThat(content).matches("<n>[0-9]{2}</n>");
        ObjectNode plain = JsonNodeFactory.instance.objectNode().put("text", "Answer:");
        plain.putObject("sampling_params").put("sampling_seed", 1).put("structural_tag", tag);
        JsonNode answer = server.http.post("/generate", plain.toString()).json();
        assertThat(answer.get("text").stringValue()).matches("<n>[0-9]{2}</n>");
        request.set("response_format", JSON.readTree("""
                {"type": "structural_tag", "triggers": ["<n>"], "structures": [{"begin": "<n>", "end": "</n>",
                "schema": {"type": "integer"}}]}"""));
        assertThat(server.http.post(CHAT, request.toString()).status()).isEqualTo(200);
    }

    private static ObjectNode chat(String question) {
        ObjectNode request =
                JsonNodeFactory.instance.objectNode().put("model", "default").put("temperature", 0);
        request.putArray("messages").addObject().put("role", "user").put("content", question);
        return request;
    }

    private static void format(ObjectNode request, JsonNode schema) {
        ObjectNode format = request.putObject("response_format").put("type", "json_schema");
        format.putObject("json_schema")
                .put("name", "answer")
                .put("strict", true)
                .set("schema", schema);
    }

    private static String content(JsonNode answer, int choice) {
        return answer.at("/choices/" + choice + "/message/content").stringValue();
    }
}
