package dev.fathom.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values a GGUF file begins with. Asking for a key of another kind than wanted is an error that names it.
 *
 * @param where   the file, for messages
 * @param values  by key, in the file's order
 */
record GgufMetadata(String where, Map<String, GgufValue> values) {
    boolean has(String key) {
        return values.containsKey(key);
    }

    long whole(String key) {
        if (require(key, "an integer") instanceof GgufValue.Whole(long value)) {
            return value;
        }
        throw mistyped(key, "an integer");
    }

    long wholeOr(String key, long fallback) {
        return has(key) ? whole(key) : fallback;
    }

    /** An integer or a finite float. */
    double number(String key) {
        return switch (require(key, "a number")) {
            case GgufValue.Real(double value) when Float.isFinite((float) value) -> value;
            case GgufValue.Whole(long value) -> value;
            case GgufValue other -> throw mistyped(key, "a number in float range");
        };
    }

    boolean flagOr(String key, boolean fallback) {
        @Nullable GgufValue value = values.get(key);
        if (value == null) {
            return fallback;
        }
        if (value instanceof GgufValue.Flag(boolean flag)) {
            return flag;
        }
        throw mistyped(key, "true or false");
    }

    String text(String key) {
        if (require(key, "a text") instanceof GgufValue.Text(String value)) {
            return value;
        }
        throw mistyped(key, "a text");
    }

    Optional<String> textIfPresent(String key) {
        return has(key) ? Optional.of(text(key)) : Optional.empty();
    }

    List<String> texts(String key) {
        if (require(key, "an array of texts") instanceof GgufValue.Texts(List<String> texts)) {
            return texts;
        }
        throw mistyped(key, "an array of texts");
    }

    long[] wholes(String key) {
        if (require(key, "an array of integers") instanceof GgufValue.Wholes(long[] wholes)) {
            return wholes;
        }
        throw mistyped(key, "an array of integers");
    }

    private GgufValue require(String key, String wanted) {
        GgufValue value = values.get(key);
        if (value == null) {
            throw new CheckpointException(where + ": the metadata has no " + key + ", expected " + wanted
                    + "; get the file from a current converter.");
        }
        return value;
    }

    private CheckpointException mistyped(String key, String wanted) {
        String shown = switch (require(key, wanted)) {
            case GgufValue.Whole(long value) -> Long.toString(value);
            case GgufValue.Real(double value) -> Double.toString(value);
            case GgufValue.Flag(boolean value) -> Boolean.toString(value);
            case GgufValue.Text(String value) -> "a text of " + value.length() + " characters";
            case GgufValue.Wholes(long[] numbers) -> "an array of " + numbers.length + " integers";
            case GgufValue.Reals(double[] numbers) -> "an array of " + numbers.length + " floats";
            case GgufValue.Texts(List<String> texts) -> "an array of " + texts.size() + " texts";
            case GgufValue.Arrays(List<GgufValue> arrays) -> "an array of " + arrays.size() + " arrays";
        };
        return new CheckpointException(where + ": " + key + " is " + shown + ", expected " + wanted
                + "; get the file from a current converter.");
    }
}
