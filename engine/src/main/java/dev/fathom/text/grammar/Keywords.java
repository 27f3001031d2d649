package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Schema.Located;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Values of a schema's keywords, checked for their type. */
final class Keywords {
    private Keywords() {}

    static @Nullable BigDecimal number(Located schema, String keyword) {
        JsonNode value = schema.node().get(keyword);
        if (value == null) {
            return null;
        }
        if (!value.isNumber()) {
            throw wrong(schema, keyword, "a number", value);
        }
        return Decimals.of(value);
    }

    static int count(Located schema, String keyword, int fallback) {
        BigDecimal value = number(schema, keyword);
        if (value == null) {
            return fallback;
        }
        if (value.signum() < 0 || value.stripTrailingZeros().scale() > 0) {
            throw wrong(
                    schema, keyword, "a whole number, at least 0", schema.node().get(keyword));
        }
        // Nothing gets as long as that, so the largest numbers are as good as no bound.
        return value.compareTo(BigDecimal.valueOf(1 << 30)) > 0 ? 1 << 30 : value.intValue();
    }

    static @Nullable String text(Located schema, String keyword) {
        JsonNode value = schema.node().get(keyword);
        if (value == null) {
            return null;
        }
        if (!value.isString()) {
            throw wrong(schema, keyword, "a string", value);
        }
        return value.stringValue();
    }

    static GrammarException wrong(Located schema, String keyword, String wanted, JsonNode got) {
        String shown = got.toString();
        return new GrammarException(schema.where() + "/" + keyword + " must be " + wanted + ", got "
                + (shown.length() > 60 ? shown.substring(0, 60) + "..." : shown) + ".");
    }
}
