package dev.fathom.text.grammar;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Ways to write a JSON value down: with members in another order, with other blanks. */
final class JsonTexts {
    /** Blanks that may stand between tokens. */
    enum Style {
        COMPACT("", "", "", "", ""),
        SPACED("", "", " ", "", " "),
        LINES("\n\t", " ", "\n\t", " ", "  ");

        private final String afterOpen;
        private final String beforeComma;
        private final String afterComma;
        private final String beforeColon;
        private final String afterColon;

        Style(String afterOpen, String beforeComma, String afterComma, String beforeColon, String afterColon) {
            this.afterOpen = afterOpen;
            this.beforeComma = beforeComma;
            this.afterComma = afterComma;
            this.beforeColon = beforeColon;
            this.afterColon = afterColon;
        }
    }

    private static final int MOST_ORDERS = 150;

    private JsonTexts() {}

    static String write(JsonNode value, Style style) {
        StringBuilder out = new StringBuilder();
        write(value, style, out);
        return out.toString();
    }

    private static void write(JsonNode value, Style style, StringBuilder out) {
        if (value.isObject()) {
            out.append('{').append(style.afterOpen);
            boolean first = true;
            for (Map.Entry<String, JsonNode> member : value.properties()) {
                comma(first, style, out);
                first = false;
                out.append(Json.quoted(member.getKey()))
                        .append(style.beforeColon)
                        .append(':')
                        .append(style.afterColon);
                write(member.getValue(), style, out);
            }
            out.append(first ? "" : style.beforeComma).append('}');
        } else if (value.isArray()) {
            out.append('[').append(style.afterOpen);
            boolean first = true;
            for (JsonNode element : value) {
                comma(first, style, out);
                first = false;
                write(element, style, out);
            }
            out.append(first ? "" : style.beforeComma).append(']');
        } else if (value.isNumber()) {
            out.append(Decimals.shortest(new BigDecimal(value.asString())));
        } else if (value.isString()) {
            out.append(Json.quoted(value.stringValue()));
        } else {
            out.append(value);
        }
    }

    private static void comma(boolean first, Style style, StringBuilder out) {
        if (!first) {
            out.append(style.beforeComma).append(',').append(style.afterComma);
        }
    }

    /** The value with the members of its objects in other orders, itself first; only so many. */
    static List<JsonNode> orders(JsonNode value) {
        if (value.isArray() && !value.isEmpty()) {
            List<List<JsonNode>> rows = new ArrayList<>(List.of(List.of()));
            for (JsonNode element : value) {
                rows = crossed(rows, orders(element));
            }
            return rows.stream()
                    .map(row -> {
                        ArrayNode array = JsonNodeFactory.instance.arrayNode();
                        row.forEach(array::add);
                        return (JsonNode) array;
                    })
                    .toList();
        }
        if (!value.isObject() || value.isEmpty()) {
            return List.of(value);
        }
        List<JsonNode> all = new ArrayList<>();
        for (List<String> names : permutations(new ArrayList<>(value.propertyNames()))) {
            List<List<JsonNode>> rows = new ArrayList<>(List.of(List.of()));
            for (String name : names) {
                rows = crossed(rows, orders(value.get(name)));
            }
            for (List<JsonNode> row : rows) {
                ObjectNode object = JsonNodeFactory.instance.objectNode();
                for (int i = 0; i < names.size(); i++) {
                    object.set(names.get(i), row.get(i));
                }
                all.add(object);
            }
        }
        return all.size() > MOST_ORDERS ? all.subList(0, MOST_ORDERS) : all;
    }

    private static List<List<JsonNode>> crossed(List<List<JsonNode>> rows, List<JsonNode> options) {
        List<List<JsonNode>> out = new ArrayList<>();
        for (List<JsonNode> row : rows) {
            for (JsonNode option : options) {
                if (out.size() < MOST_ORDERS) {
                    List<JsonNode> longer = new ArrayList<>(row);
                    longer.add(option);
                    out.add(longer);
                }
            }
        }
        return out;
    }

    private static List<List<String>> permutations(List<String> names) {
        if (names.size() <= 1 || names.size() > 5) {
            return List.of(names);
        }
        List<List<String>> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            List<String> rest = new ArrayList<>(names);
            String first = rest.remove(i);
            for (List<String> tail : permutations(rest)) {
                List<String> whole = new ArrayList<>(List.of(first));
                whole.addAll(tail);
                all.add(whole);
            }
        }
        return all;
    }
}
