package dev.fathom.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A configuration object as published on the hub (config.json, generation_config.json, tokenizer_config.json), read by
 * type. A key that is missing or holds another type is an error that names file and key; keys nobody asks for are left
 * alone, because published files carry many. A key set to null counts as missing.
 */
public final class HfConfig {
    private static final int MAX_BYTES = 16 << 20;

    private final JsonNode node;
    private final String where;

    private HfConfig(JsonNode node, String where) {
        this.node = node;
        this.where = where;
    }

    /**
     * @param where  the file, for messages
     * @throws CheckpointException if it is not one JSON object, gives a key twice or is larger than 16 MiB
     */
    public static HfConfig parse(byte[] json, String where) {
        if (json.length > MAX_BYTES) {
            throw new CheckpointException(where + " has " + json.length + " bytes, a configuration at most " + MAX_BYTES
                    + ": download it again.");
        }
        JsonNode node = StrictJson.tree(json, where);
        if (!node.isObject()) {
            throw new CheckpointException(where + " holds no JSON object: download it again.");
        }
        return new HfConfig(node, where);
    }

    /** The file this was read from, and the key inside it for a nested object. */
    public String where() {
        return where;
    }

    /** Whether the key is there and not null. */
    public boolean has(String key) {
        return node.hasNonNull(key);
    }

    /** The one entry of {@code architectures}, such as DeepseekV3ForCausalLM. */
    public String architecture() {
        List<String> names = texts("architectures");
        if (names.size() != 1) {
            throw new CheckpointException(where + ": \"architectures\" must name one architecture, got " + names
                    + "; correct it or download the file again.");
        }
        return names.getFirst();
    }

    public int integer(String key) {
        return asInteger(require(key, "an integer"), key);
    }

    public int integerOr(String key, int fallback) {
        return has(key) ? integer(key) : fallback;
    }

    public float number(String key) {
        JsonNode value = require(key, "a number");
        if (!value.isNumber()) {
            throw mistyped(key, value, "a number");
        }
        double number = value.isBigInteger() ? value.bigIntegerValue().doubleValue() : value.doubleValue();
        if (!Float.isFinite((float) number)) {
            throw mistyped(key, value, "a number in float range");
        }
        return (float) number;
    }

    public float numberOr(String key, float fallback) {
        return has(key) ? number(key) : fallback;
    }

    public boolean flag(String key) {
        JsonNode value = require(key, "true or false");
        if (!value.isBoolean()) {
            throw mistyped(key, value, "true or false");
        }
        return value.booleanValue();
    }

    public boolean flagOr(String key, boolean fallback) {
        return has(key) ? flag(key) : fallback;
    }

    public String text(String key) {
        return asText(require(key, "a text"), key);
    }

    public String textOr(String key, String fallback) {
        return has(key) ? text(key) : fallback;
    }

    /** Integers given as an array or, as {@code eos_token_id} often is, as one number. */
    public List<Integer> integers(String key) {
        JsonNode value = require(key, "an integer or an array of integers");
        if (!value.isArray()) {
            return List.of(asInteger(value, key));
        }
        List<Integer> integers = new ArrayList<>();
        value.forEach(element -> integers.add(asInteger(element, key)));
        return List.copyOf(integers);
    }

    /** Like {@link #integers}; an empty list when the key is missing. */
    public List<Integer> integersOrNone(String key) {
        return has(key) ? integers(key) : List.of();
    }

    public List<String> texts(String key) {
        JsonNode value = require(key, "an array of texts");
        if (!value.isArray()) {
            throw mistyped(key, value, "an array of texts");
        }
        List<String> texts = new ArrayList<>();
        value.forEach(element -> texts.add(asText(element, key)));
        return List.copyOf(texts);
    }

    public HfConfig object(String key) {
        JsonNode value = require(key, "an object");
        if (!value.isObject()) {
            throw mistyped(key, value, "an object");
        }
        return new HfConfig(value, where + ", " + key);
    }

    public Optional<HfConfig> objectIfPresent(String key) {
        return has(key) ? Optional.of(object(key)) : Optional.empty();
    }

    /** The same configuration with other integers for those of {@code values} that it has. */
    public HfConfig with(Map<String, Integer> values) {
        ObjectNode copy = (ObjectNode) node.deepCopy();
        values.forEach((key, value) -> {
            if (has(key)) {
                copy.put(key, value);
            }
        });
        return new HfConfig(copy, where);
    }

    /** The same configuration with every key of another one in the place of its own; null takes a key away. */
    public HfConfig overriddenBy(HfConfig other) {
        ObjectNode copy = (ObjectNode) node.deepCopy();
        copy.setAll((ObjectNode) other.node);
        return new HfConfig(copy, where + " with " + other.where);
    }

    /** Refuses another text than the one that is served; a missing key stands for it. */
    public void requireText(String key, String served) {
        String given = textOr(key, served);
        if (!given.equals(served)) {
            throw new CheckpointException(where + ": " + key + " " + given + " is not served, only " + served + " is");
        }
    }

    /** Refuses the other setting than the one that is served; a missing key stands for it. */
    public void requireFlag(String key, boolean served) {
        if (flagOr(key, served) != served) {
            throw new CheckpointException(
                    where + ": " + key + " " + !served + " is not served, only " + served + " is");
        }
    }

    /**
     * Refuses a number that contradicts others; a missing key does not.
     *
     * @param with  the keys that say {@code wanted}
     */
    public void requireAgreement(String key, int wanted, String with) {
        int given = integerOr(key, wanted);
        if (given != wanted) {
            throw new CheckpointException(where + ": " + key + " is " + given + ", but " + with + " is " + wanted);
        }
    }

    private JsonNode require(String key, String wanted) {
        if (!has(key)) {
            throw new CheckpointException(where + ": \"" + key + "\" is missing, expected " + wanted
                    + "; add it or download the file again.");
        }
        return node.get(key);
    }

    private int asInteger(JsonNode value, String key) {
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw mistyped(key, value, "an integer");
        }
        return value.intValue();
    }

    private String asText(JsonNode value, String key) {
        if (!value.isString()) {
            throw mistyped(key, value, "a text");
        }
        return value.stringValue();
    }

    private CheckpointException mistyped(String key, JsonNode value, String wanted) {
        String text = value.toString();
        String shown = text.length() <= 80 ? text : text.substring(0, 80) + "...";
        return new CheckpointException(where + ": \"" + key + "\" is " + shown + ", expected " + wanted
                + "; correct it or download the file again.");
    }
}
