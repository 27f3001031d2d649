package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.serve.NanoText;
import dev.fathom.serve.ScriptedGenerator;
import dev.fathom.serve.TextService;
import io.helidon.http.Method;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The OpenAPI document against the routes and the fields that there are. */
class OpenApiTest {
    private final JsonNode document = JsonMapper.shared().readTree(OpenApiRoutes.text());

    @Test
    void describesEveryRouteAndNoOther() {
        Map<String, Set<String>> described = new TreeMap<>();
        document.get("paths").properties().forEach(path -> described.put(path.getKey(), names(path.getValue())));
        Map<String, Set<String>> there = new TreeMap<>();
        table().forEach((path, methods) -> {
            if (!path.startsWith("/page/")) {
                Set<String> lower = new TreeSet<>();
                methods.forEach(method -> lower.add(method.text().toLowerCase(Locale.ROOT)));
                there.put(path.replace("{+", "{"), lower);
            }
        });
        assertThat(described).isEqualTo(there);
    }

    @Test
    void describesRefusedRoutesAsRefused() {
        RefusedRoutes.posts()
                .keySet()
                .forEach(path -> assertThat(names(
                                document.get("paths").get(path).get("post").get("responses")))
                        .as(path)
                        .doesNotContain("200"));
    }

    @Test
    void referencesOnlyWhatItDefines() {
        Set<String> schemas = names(document.at("/components/schemas"));
        document.findValuesAsString("$ref")
                .forEach(
                        reference -> assertThat(schemas).contains(reference.substring(reference.lastIndexOf('/') + 1)));
    }

    /** Where fields are read only in some cases, several bodies show all of them; paths and bodies. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions | {'messages': [{'role': 'user', 'content': 'a'}]}",
                "/v1/completions | {'prompt': 'a'}",
                "/generate | {'text': 'a'}",
                "/v1/score | {'query': 'a', 'items': ['b'], 'label_token_ids': [1]}",
                "/v1/messages | {'max_tokens': 1, 'messages': [{'role': 'user', 'content': 'a'}]}",
                "/v1/messages/count_tokens | {'messages': [{'role': 'user', 'content': 'a'}]}",
                "/v1/responses | {'input': 'a'}",
                "/tokenize | {'prompt': 'a'} && {'messages': [{'role': 'user', 'content': 'a'}]}",
                "/detokenize | {'tokens': [1]}",
                "/separate_reasoning | {'text': 'a', 'reasoning_parser': 'deepseek-r1'}",
                "/parse_function_call | {'text': 'a', 'tool_call_parser': 'deepseekv3', 'tools': [{'type': 'function',"
                        + " 'function': {'name': 'f'}}]}",
                "/abort_request | {'rid': 'a'}",
                "/pause_generation | {}",
                "/continue_generation | {}",
                "/configure_logging | {}",
                "/start_profile | {}",
            })
    void describesTheFieldsThatAreRead(String path, String bodies) {
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"))) {
            Set<String> read = new TreeSet<>();
            for (String body : bodies.split(" && ", -1)) {
                read.addAll(known(server, path, body));
            }
            JsonNode schema = resolved(
                    document.get("paths").get(path).get("post").at("/requestBody/content/application~1json/schema"));
            Set<String> described = new TreeSet<>(names(schema.path("properties")));
            schema.path("x-refused").forEach(name -> described.add(name.stringValue()));
            assertThat(described).isEqualTo(read);
        }
    }

    @Test
    void isServedWithItsPage() {
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.apiKey("key"))) {
            JsonNode served = server.get("/openapi.json").json();
            assertThat(served.at("/info/version").stringValue()).isEqualTo("test");
            assertThat(served.get("openapi").stringValue()).isEqualTo("3.1.0");
            assertThat(server.get("/docs").body()).contains("page/docs.js");
        }
    }

    /** What an endpoint says it knows when it meets a field that it does not. */
    private static List<String> known(TestServer server, String path, String body) {
        String unknown =
                body.replace('\'', '"').replaceFirst("\\{", "{\"no_such_field\": 1" + (body.equals("{}") ? "" : ", "));
        JsonNode reply = server.post(path, unknown).json();
        JsonNode error = reply.has("error") ? reply.get("error") : reply;
        String message = error.get("message").stringValue();
        assertThat(message).contains("Unknown field \"no_such_field\"", "It knows ");
        String list = message.substring(message.lastIndexOf("It knows ") + 9, message.length() - 1);
        return list.isEmpty() ? List.of() : List.of(list.split(", "));
    }

    private JsonNode resolved(JsonNode schema) {
        return schema.has("$ref") ? document.at(schema.get("$ref").stringValue().substring(1)) : schema;
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.propertyNames().forEach(names::add);
        return names;
    }

    private static Map<String, List<Method>> table() {
        var generator = ScriptedGenerator.saying("ok");
        var model = NanoText.model();
        var context =
                new ServeContext(new TextService(model, generator), generator, new ServerMetrics(model.name()), "test");
        return HttpServer.route(
                        HttpRouting.builder(),
                        HttpConfig.defaults(),
                        context,
                        new ConnectionWatcher(Http1Config.create()),
                        new Lifecycle())
                .table();
    }
}
