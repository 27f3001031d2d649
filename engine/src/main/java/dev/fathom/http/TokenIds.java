package dev.fathom.http;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Arrays of token ids in requests. */
final class TokenIds {
    private TokenIds() {}

    /** The field's ids, or null if it is absent. */
    static int @Nullable [] read(JsonFields fields, String name) {
        List<JsonNode> nodes = fields.array(name);
        return nodes == null ? null : read(fields.path(name), nodes);
    }

    static int[] read(String where, List<JsonNode> nodes) {
        int[] ids = new int[nodes.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode node = nodes.get(i);
            if (!node.isIntegralNumber()) {
                throw JsonFields.wrongType(where + "[" + i + "]", "an integer", node);
            }
            ids[i] = JsonFields.integer(where + "[" + i + "]", node);
        }
        return ids;
    }
}
