package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The fields of a structural tag's object; those that nobody asked for are refused. */
final class TagFields {
    private static final Set<String> UNLIMITED = Set.of("any_text", "triggered_tags", "dispatch");

    private final String where;
    private final JsonNode object;
    private final Set<String> read = new HashSet<>();

    TagFields(String where, JsonNode object) {
        if (!object.isObject()) {
            throw new GrammarException(where + " must be an object, got " + object + ".");
        }
        this.where = where;
        this.object = object;
    }

    /** The place of the object, for messages. */
    String where() {
        return where;
    }

    void accept(String name) {
        read.add(name);
    }

    /** @throws GrammarException for a field that was not read */
    void end() {
        for (String name : object.propertyNames()) {
            if (!read.contains(name)) {
                throw new GrammarException(where + "." + name + " is not supported.");
            }
        }
    }

    boolean has(String name) {
        return node(name) != null;
    }

    private @Nullable JsonNode node(String name) {
        read.add(name);
        JsonNode node = object.get(name);
        return node == null || node.isNull() ? null : node;
    }

    private JsonNode given(String name, String what) {
        JsonNode node = node(name);
        if (node == null) {
            throw new GrammarException(where + "." + name + " is missing: " + what + " must be there.");
        }
        return node;
    }

    TagFields required(String name) {
        return new TagFields(where + "." + name, given(name, "an object"));
    }

    String text(String name) {
        JsonNode node = given(name, "a text");
        if (!node.isString()) {
            throw wrong(name, "a text", node);
        }
        return node.stringValue();
    }

    String text(String name, String otherwise) {
        return node(name) == null ? otherwise : text(name);
    }

    /** A schema, or the text of one. */
    JsonNode schema(String name) {
        JsonNode node = given(name, "a JSON schema");
        if (!node.isObject() && !node.isBoolean()) {
            throw wrong(name, "a JSON schema", node);
        }
        return node;
    }

    boolean flag(String name) {
        return flag(name, false);
    }

    boolean flag(String name, boolean otherwise) {
        JsonNode node = node(name);
        if (node != null && !node.isBoolean()) {
            throw wrong(name, "true or false", node);
        }
        return node == null ? otherwise : node.booleanValue();
    }

    int number(String name, int otherwise) {
        JsonNode node = node(name);
        if (node == null) {
            return otherwise;
        }
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < -1) {
            throw wrong(name, "a whole number", node);
        }
        return node.intValue();
    }

    List<JsonNode> array(String name) {
        JsonNode node = given(name, "an array");
        if (!node.isArray()) {
            throw wrong(name, "an array", node);
        }
        List<JsonNode> elements = new ArrayList<>();
        node.forEach(elements::add);
        return elements;
    }

    List<TagFields> objects(String name) {
        List<TagFields> objects = new ArrayList<>();
        for (JsonNode element : array(name)) {
            objects.add(new TagFields(where + "." + name + "[" + objects.size() + "]", element));
        }
        return objects;
    }

    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : array(name)) {
            if (!element.isString()) {
                throw wrong(name, "an array of texts", element);
            }
            texts.add(element.stringValue());
        }
        return texts;
    }

    List<String> texts(String name, List<String> otherwise) {
        return node(name) == null ? otherwise : texts(name);
    }

    List<String> textOrTexts(String name) {
        return given(name, "a text").isArray() ? texts(name) : List.of(text(name));
    }

    /** Refuses a field of xgrammar's that changes what is allowed, unless it says what is done anyway. */
    void unsupported(String name, @Nullable Object served) {
        JsonNode node = node(name);
        boolean plain = node == null
                || (node.isBoolean() && Boolean.valueOf(node.booleanValue()).equals(served))
                || (node.isArray() && node.isEmpty() && served instanceof List<?>);
        if (!plain) {
            throw new GrammarException(where + "." + name + " is not supported, got " + node + ".");
        }
    }

    /** Whether the format is free text, which ends only where something around it says so. */
    boolean isUnlimited() {
        JsonNode type = object.get("type");
        return type != null && type.isString() && UNLIMITED.contains(type.stringValue());
    }

    private GrammarException wrong(String name, String wanted, JsonNode got) {
        return new GrammarException(where + "." + name + " must be " + wanted + ", got " + got + ".");
    }
}
