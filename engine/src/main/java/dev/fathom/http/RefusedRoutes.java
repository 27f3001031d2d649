package dev.fathom.http;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * SGLang's endpoints that are not served here: each says why, so that a client need not guess from a 404. The first
 * sentence is SGLang's own, for a model that generates.
 */
final class RefusedRoutes {
    private static final String NO_EMBEDDINGS =
            "This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching"
                    + " the server or try another model. (Fathom serves models that generate; it has no --is-embedding.)";
    private static final String NO_LORA =
            "LoRA adapters are not supported: the server serves its model as it was loaded.";
    private static final String FIXED_WEIGHTS =
            "Weights are not changed while the server runs: start it with the new checkpoint and --weight-version.";
    private static final String NO_SESSIONS =
            "Sessions are not supported: send the whole conversation, the prefix cache makes its known part cheap.";
    private static final String NO_FILES =
            "The server opens no files that a request names: send the prompts in the body of /generate.";
    private static final String NO_EXPERT_RECORDS = "Expert distributions are not recorded.";

    private RefusedRoutes() {}

    /** Paths of POST, with the sentence that refuses them. */
    static Map<String, String> posts() {
        Map<String, String> posts = new LinkedHashMap<>();
        for (String path : new String[] {"/v1/embeddings", "/v1/classify", "/v1/rerank", "/encode", "/classify"}) {
            posts.put(path, NO_EMBEDDINGS);
        }
        posts.put("/generate_from_file", NO_FILES);
        posts.put("/open_session", NO_SESSIONS);
        posts.put("/close_session", NO_SESSIONS);
        posts.put("/load_lora_adapter", NO_LORA);
        posts.put("/unload_lora_adapter", NO_LORA);
        for (String path : new String[] {
            "/init_weights_update_group",
            "/destroy_weights_update_group",
            "/update_weights_from_disk",
            "/update_weights_from_distributed",
            "/update_weights_from_tensor",
            "/update_weight_version",
            "/get_weights_by_name",
            "/release_memory_occupation",
            "/resume_memory_occupation"
        }) {
            posts.put(path, FIXED_WEIGHTS);
        }
        for (String path : new String[] {
            "/start_expert_distribution_record", "/stop_expert_distribution_record", "/dump_expert_distribution_record"
        }) {
            posts.put(path, NO_EXPERT_RECORDS);
        }
        return posts;
    }

    static void register(Routes routes) {
        posts().forEach((path, sentence) ->
                routes.post(path, (request, response) -> ErrorReply.send(request, response, 400, sentence)));
    }
}
