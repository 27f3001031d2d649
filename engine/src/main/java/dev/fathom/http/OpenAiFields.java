package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Fields that chat and text completions share beside sampling. */
final class OpenAiFields {
    private OpenAiFields() {}

    /** Refuses what is not served, and lets pass what asks nothing of the model. */
    static void checkUnserved(JsonFields fields) {
        fields.refuse(
                "lora_path",
                "session_params",
                "custom_logit_processor",
                "return_hidden_states",
                "return_routed_experts",
                "return_token_ids",
                "return_prompt_token_ids",
                "return_meta_info",
                "bootstrap_host",
                "bootstrap_port",
                "bootstrap_room",
                "routed_dp_rank",
                "data_parallel_rank");
        fields.accept("user", "metadata", "store", "prompt_cache_key", "prompt_cache_retention", "safety_identifier");
        String tier = fields.text("service_tier");
        if (tier != null && !tier.equals("auto") && !tier.equals("default")) {
            throw RequestException.notSupported(
                    "service_tier", "service_tier must be auto or default: this server has one, got " + tier + ".");
        }
    }

    /** Prefixes are shared only within one such key. */
    static String cacheKey(JsonFields fields) {
        String salt = orEmpty(fields.text("cache_salt"));
        String extra = orEmpty(fields.text("extra_key"));
        // With the length between, "ab" and "c" are not "a" and "bc".
        return salt.isEmpty() && extra.isEmpty() ? "" : salt.length() + ":" + salt + extra;
    }

    /** The client's own id, or a new one. */
    static String requestId(JsonFields fields, String prefix) {
        String rid = fields.text("rid");
        if (rid == null) {
            return newId(prefix);
        }
        if (rid.isEmpty()) {
            throw RequestException.invalid("rid", "rid is empty: leave it out, or send a text unique to the request.");
        }
        return rid;
    }

    static String newId(String prefix) {
        return prefix + UUID.randomUUID().toString().replace("-", "");
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
