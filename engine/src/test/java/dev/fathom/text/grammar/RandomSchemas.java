package dev.fathom.text.grammar;

import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Schemas whose values are short, and a check of values that knows nothing of grammars. */
public final class RandomSchemas {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String[] NAMES = {"name", "age", "city", "tags", "id", "ok", "score", "a b", "größe"};
    private static final String[] PATTERNS = {"^[a-z]{2,6}$", "^[A-Z][0-9]+$", "^(yes|no)$", "^\\d{3}-\\d{2}$"};

    private RandomSchemas() {}

    /** An object's schema. */
    public static ObjectNode object(SplittableRandom random, int depth) {
        ObjectNode schema = JSON.objectNode().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        int count = random.nextInt(1, 4);
        for (int i = 0; i < count; i++) {
            String name = NAMES[random.nextInt(NAMES.length)];
            if (!properties.has(name)) {
                properties.set(name, any(random, depth - 1));
                if (random.nextInt(4) > 0) {
                    required.add(name);
                }
            }
        }
        return schema.put("additionalProperties", false);
    }

    private static ObjectNode any(SplittableRandom random, int depth) {
        return switch (random.nextInt(depth > 0 ? 9 : 6)) {
            case 0 -> {
                int min = random.nextInt(3);
                yield JSON.objectNode()
                        .put("type", "string")
                        .put("minLength", min)
                        .put("maxLength", min + random.nextInt(12));
            }
            case 1 -> JSON.objectNode().put("type", "string").put("pattern", PATTERNS[random.nextInt(PATTERNS.length)]);
            case 2 -> {
                int min = random.nextInt(-500, 500);
                yield JSON.objectNode()
                        .put("type", "integer")
                        .put("minimum", min)
                        .put("maximum", min + random.nextInt(2000));
            }
            case 3 -> JSON.objectNode().put("type", "boolean");
            case 4 -> {
                ObjectNode schema = JSON.objectNode();
                schema.putArray("enum").add("red").add("green").add(7).addNull();
                yield schema;
            }
            case 5 -> JSON.objectNode().put("const", "fixed \"text\"");
            case 6 -> {
                ObjectNode schema = JSON.objectNode().put("type", "array");
                schema.set("items", any(random, depth - 1));
                yield schema.put("minItems", random.nextInt(2)).put("maxItems", random.nextInt(1, 4));
            }
            case 7 -> {
                ObjectNode schema = JSON.objectNode();
                schema.putArray("anyOf")
                        .add(any(random, depth - 1))
                        .add(JSON.objectNode().put("type", "null"));
                yield schema;
            }
            default -> object(random, depth - 1);
        };
    }

    /** Whether a value satisfies a schema made here. */
    public static boolean isValid(JsonNode schema, JsonNode value) {
        if (schema.has("anyOf")) {
            return schema.get("anyOf").values().stream().anyMatch(option -> isValid(option, value));
        }
        if (schema.has("const")) {
            return schema.get("const").equals(value);
        }
        if (schema.has("enum")) {
            return schema.get("enum").values().contains(value);
        }
        return switch (schema.get("type").stringValue()) {
            case "boolean" -> value.isBoolean();
            case "null" -> value.isNull();
            case "integer" ->
                value.isIntegralNumber()
                        && value.longValue() >= schema.get("minimum").longValue()
                        && value.longValue() <= schema.get("maximum").longValue();
            case "string" -> value.isString() && isValidText(schema, value.stringValue());
            case "array" ->
                value.isArray()
                        && value.size() >= schema.get("minItems").intValue()
                        && value.size() <= schema.get("maxItems").intValue()
                        && value.values().stream().allMatch(element -> isValid(schema.get("items"), element));
            default -> value.isObject() && isValidObject(schema, value);
        };
    }

    private static boolean isValidText(JsonNode schema, String text) {
        if (schema.has("pattern")) {
            return text.matches(schema.get("pattern").stringValue());
        }
        int length = text.codePointCount(0, text.length());
        return length >= schema.get("minLength").intValue()
                && length <= schema.get("maxLength").intValue();
    }

    private static boolean isValidObject(JsonNode schema, JsonNode value) {
        JsonNode properties = schema.get("properties");
        return schema.get("required").values().stream().allMatch(name -> value.has(name.stringValue()))
                && value.properties().stream()
                        .allMatch(member -> properties.has(member.getKey())
                                && isValid(properties.get(member.getKey()), member.getValue()));
    }
}
