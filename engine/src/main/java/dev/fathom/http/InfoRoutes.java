package dev.fathom.http;

import dev.fathom.api.EngineStats;
import dev.fathom.serve.Generator;
import dev.fathom.serve.ServedModel;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What is served and how the server stands. */
final class InfoRoutes {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final HttpConfig config;
    private final ServedModel model;
    private final Generator generator;
    private final String version;
    private final JsonMapper json;
    private final long created = Instant.now().getEpochSecond();

    InfoRoutes(HttpConfig config, ServeContext context, JsonMapper json) {
        this.config = config;
        this.model = context.text().model();
        this.generator = context.generator();
        this.version = context.version();
        this.json = json;
    }

    void register(Routes routes) {
        routes.get("/v1/models", (request, response) -> send(response, models()))
                .get("/v1/models/{+id}", this::oneModel)
                .get("/get_model_info", (request, response) -> send(response, modelInfo()))
                .get("/model_info", (request, response) -> send(response, modelInfo()))
                .get("/get_server_info", (request, response) -> send(response, serverInfo()))
                .get("/server_info", (request, response) -> send(response, serverInfo()))
                .get("/get_load", (request, response) -> send(response, load()))
                .get("/get_weight_version", (request, response) -> send(response, weightVersion()));
    }

    private JsonNode models() {
        ObjectNode list = JSON.objectNode().put("object", "list");
        list.putArray("data").add(model());
        return list;
    }

    private ObjectNode model() {
        return JSON.objectNode()
                .put("id", model.name())
                .put("object", "model")
                .put("created", created)
                .put("owned_by", "fathom")
                .put("root", model.name())
                .putNull("parent")
                .put("max_model_len", model.contextLength());
    }

    private void oneModel(ServerRequest request, ServerResponse response) {
        String id = request.path().pathParameters().get("id");
        if (id.equals(model.name())) {
            send(response, model());
            return;
        }
        ObjectNode body = JSON.objectNode();
        body.putObject("error")
                .put("message", "The model '" + id + "' does not exist; this server serves '" + model.name() + "'.")
                .put("type", "invalid_request_error")
                .put("param", "model")
                .put("code", "model_not_found");
        response.status(Status.NOT_FOUND_404);
        send(response, body);
    }

    private JsonNode modelInfo() {
        return JSON.objectNode()
                .put("model_path", model.modelPath())
                .put("tokenizer_path", model.tokenizerPath())
                .put("is_generation", true)
                .set(
                        "preferred_sampling_params",
                        json.valueToTree(config.serverArguments().get("preferred_sampling_params")))
                .put("weight_version", config.weightVersion());
    }

    private JsonNode weightVersion() {
        return JSON.objectNode().put("weight_version", config.weightVersion());
    }

    private JsonNode serverInfo() {
        EngineStats stats = generator.stats();
        ObjectNode info = json.valueToTree(config.serverArguments());
        info.put("status", "ready")
                .put("version", version)
                .put("served_model_name", model.name())
                .put("model_path", model.modelPath())
                .put("context_length", model.contextLength())
                .put("max_total_num_tokens", stats.kvTotalTokens());
        ObjectNode state = info.putArray("internal_states").addObject();
        state.put("last_gen_throughput", stats.generationRate())
                .put("num_running_reqs", stats.runningRequests())
                .put("num_waiting_reqs", stats.queuedRequests())
                .put("num_used_tokens", stats.kvUsedTokens() - stats.kvEvictableTokens())
                .put("kv_used_tokens", stats.kvUsedTokens())
                .put("kv_evictable_tokens", stats.kvEvictableTokens())
                .put("kv_available_tokens", stats.kvAvailableTokens())
                .put("cache_hit_rate", stats.cacheHitRate())
                .put("num_retracted_reqs", stats.retracted().requests())
                .put("steps", stats.steps());
        state.putObject("memory_usage").put("token_capacity", stats.kvTotalTokens());
        return info;
    }

    private JsonNode load() {
        EngineStats stats = generator.stats();
        var list = JSON.arrayNode();
        list.addObject()
                .put("dp_rank", 0)
                .put("num_reqs", stats.runningRequests() + stats.queuedRequests())
                .put("num_waiting_reqs", stats.queuedRequests())
                .put("num_tokens", stats.kvUsedTokens() - stats.kvEvictableTokens());
        return list;
    }

    private static void send(ServerResponse response, JsonNode body) {
        response.header(HeaderValues.CONTENT_TYPE_JSON).send(body.toString().getBytes(StandardCharsets.UTF_8));
    }
}
