package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The fields of one JSON object, each read by name and type.
 *
 * <p>Null counts as absent. {@link #end} refuses what nobody asked for, so that no field is ever ignored in silence.
 */
final class JsonFields {
    private final JsonNode object;
    private final String path;
    private final Set<String> known = new HashSet<>();

    /** @param path what stands before a field's name in messages: empty, or for example {@code stream_options.} */
    JsonFields(JsonNode object, String path) {
        this.object = object;
        this.path = path;
    }

    /** The object itself. */
    JsonNode object() {
        return object;
    }

    /** Every name that was read, accepted or refused so far. */
    Set<String> known() {
        return Set.copyOf(known);
    }

    /** The field as it is, or null if it is absent or null. */
    @Nullable
    JsonNode node(String name) {
        known.add(name);
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    boolean has(String name) {
        return node(name) != null;
    }

    @Nullable
    String text(String name) {
        JsonNode value = node(name);
        if (value == null) {
            return null;
        }
        if (!value.isString()) {
            throw wrongType(path + name, "a string", value);
        }
        return value.stringValue();
    }

    @Nullable
    Boolean flag(String name) {
        JsonNode value = node(name);
        if (value == null) {
            return null;
        }
        if (!value.isBoolean()) {
            throw wrongType(path + name, "a boolean", value);
        }
        return value.booleanValue();
    }

    boolean flag(String name, boolean fallback) {
        Boolean value = flag(name);
        return value == null ? fallback : value;
    }

    @Nullable
    Float number(String name) {
        JsonNode value = node(name);
        return value == null ? null : number(path + name, value);
    }

    @Nullable
    Integer integer(String name) {
        JsonNode value = node(name);
        return value == null ? null : integer(path + name, value);
    }

    int integer(String name, int fallback) {
        Integer value = integer(name);
        return value == null ? fallback : value;
    }

    @Nullable
    Long longInteger(String name) {
        JsonNode value = node(name);
        return value == null ? null : longInteger(path + name, value);
    }

    /** An object's fields; null if absent. */
    @Nullable
    JsonFields object(String name) {
        JsonNode value = node(name);
        return value == null ? null : object(path + name, value);
    }

    /** An array's elements; null if absent. */
    @Nullable
    List<JsonNode> array(String name) {
        JsonNode value = node(name);
        return value == null ? null : array(path + name, value);
    }

    /** A string, or an array of strings. */
    @Nullable
    List<String> textOrTexts(String name) {
        JsonNode value = node(name);
        if (value == null) {
            return null;
        }
        if (value.isString()) {
            return List.of(value.stringValue());
        }
        if (!value.isArray()) {
            throw wrongType(path + name, "a string or an array of strings", value);
        }
        var texts = new ArrayList<String>();
        for (JsonNode element : value) {
            if (!element.isString()) {
                throw wrongType(path + name + "[" + texts.size() + "]", "a string", element);
            }
            texts.add(element.stringValue());
        }
        return texts;
    }

    /** Fields that clients send and that change nothing here, whatever their value. */
    void accept(String... names) {
        known.addAll(List.of(names));
    }

    /** Fields known to OpenAI's or SGLang's API and not served: absent, null, false or empty is fine, else refused. */
    void refuse(String... names) {
        for (String name : names) {
            JsonNode value = node(name);
            if (value != null && !isOff(value)) {
                throw notServed(name, value);
            }
        }
    }

    RequestException notServed(String name, JsonNode value) {
        String shown = value.toString();
        return RequestException.notSupported(
                path + name,
                path + name + " is not supported yet, got "
                        + (shown.length() > 60 ? shown.substring(0, 60) + "..." : shown)
                        + ". Send the request without it.");
    }

    /** Refuses the first field that was neither read, accepted nor refused by name. */
    void end() {
        for (String name : object.propertyNames()) {
            if (!known.contains(name)) {
                throw RequestException.invalid(
                        path + name,
                        "Unknown field \"" + path + name
                                + "\": this server refuses fields it does not know instead of ignoring them. It knows "
                                + String.join(", ", known.stream().sorted().toList()) + ".");
            }
        }
    }

    String path(String name) {
        return path + name;
    }

    static float number(String where, JsonNode value) {
        if (!value.isNumber()) {
            throw wrongType(where, "a number", value);
        }
        return (float) asDouble(value);
    }

    static int integer(String where, JsonNode value) {
        long whole = longInteger(where, value);
        if (whole != (int) whole) {
            throw RequestException.invalid(where, where + " must fit into 32 bits, got " + whole + ".");
        }
        return (int) whole;
    }

    static JsonFields object(String where, JsonNode value) {
        if (!value.isObject()) {
            throw wrongType(where, "an object", value);
        }
        return new JsonFields(value, where + ".");
    }

    static List<JsonNode> array(String where, JsonNode value) {
        if (!value.isArray()) {
            throw wrongType(where, "an array", value);
        }
        return List.copyOf(value.values());
    }

    static RequestException wrongType(String where, String wanted, JsonNode got) {
        return RequestException.invalid(where, where + " must be " + wanted + ", got " + typeName(got) + ".");
    }

    static String typeName(JsonNode node) {
        return node.getNodeType().name().toLowerCase(Locale.ROOT);
    }

    private static long longInteger(String where, JsonNode value) {
        if (!value.isNumber()) {
            throw wrongType(where, "an integer", value);
        }
        double size = asDouble(value);
        if (size != Math.rint(size)) {
            throw RequestException.invalid(where, where + " must be an integer, got " + value + ".");
        }
        if (Math.abs(size) >= 0x1p63) {
            throw RequestException.invalid(where, where + " must fit into 64 bits, got " + value + ".");
        }
        return value.isIntegralNumber() ? value.longValue() : (long) size;
    }

    /** Infinite where the number is beyond a double; Jackson's own conversion throws there. */
    private static double asDouble(JsonNode number) {
        return Double.parseDouble(number.asString());
    }

    private static boolean isOff(JsonNode value) {
        return (value.isBoolean() && !value.booleanValue())
                || (value.isString() && value.stringValue().isEmpty())
                || (value.isContainer() && value.isEmpty());
    }
}
