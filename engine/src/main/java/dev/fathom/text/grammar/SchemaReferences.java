package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Schema.Located;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Finds what {@code $ref} points to: places and anchors of the same document. */
final class SchemaReferences {
    private final JsonNode root;
    private final Map<String, Located> anchors = new HashMap<>();
    private boolean nestedIds;

    SchemaReferences(JsonNode root) {
        this.root = root;
        collect(new Located(root, "#"), false);
    }

    private void collect(Located at, boolean nested) {
        JsonNode node = at.node();
        if (node.isObject()) {
            JsonNode anchor = node.get("$anchor");
            if (anchor != null && anchor.isString()) {
                anchors.put(anchor.stringValue(), at);
            }
            JsonNode id = node.get("$id");
            nestedIds |= id != null && id.isString() && nested;
            for (String name : node.propertyNames()) {
                if (!name.equals("enum") && !name.equals("const")) {
                    collect(at.at(name), true);
                }
            }
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                collect(at.at(Integer.toString(i)), true);
            }
        }
    }

    /** @throws GrammarException for another document, or a place that does not exist */
    Located resolve(Located schema) {
        JsonNode reference = schema.node().get("$ref");
        if (!reference.isString()) {
            throw Keywords.wrong(schema, "$ref", "a string", reference);
        }
        String text = reference.stringValue();
        if (!text.startsWith("#") || nestedIds) {
            throw new GrammarException(
                    schema.where() + "/$ref \"" + text + "\" is not supported: only references within"
                            + " one document without $id inside it are, such as \"#/$defs/name\".");
        }
        Located found = text.startsWith("#/") || text.equals("#") ? pointed(text) : anchors.get(text.substring(1));
        if (found == null) {
            throw new GrammarException(schema.where() + "/$ref \"" + text + "\" points to nothing in the schema.");
        }
        return found;
    }

    private @Nullable Located pointed(String text) {
        Located at = new Located(root, "#");
        if (text.equals("#")) {
            return at;
        }
        for (String escaped : text.substring(2).split("/", -1)) {
            String step;
            try {
                step = URLDecoder.decode(escaped.replace("+", "%2B"), StandardCharsets.UTF_8)
                        .replace("~1", "/")
                        .replace("~0", "~");
            } catch (IllegalArgumentException e) {
                return null;
            }
            JsonNode node = at.node();
            boolean exists = node.isArray()
                    ? step.matches("0|[1-9][0-9]{0,5}") && Integer.parseInt(step) < node.size()
                    : node.isObject() && node.has(step);
            if (!exists) {
                return null;
            }
            at = at.at(step);
        }
        return at;
    }
}
