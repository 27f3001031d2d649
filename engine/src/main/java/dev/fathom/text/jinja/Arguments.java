package dev.fathom.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values of a call. */
record Arguments(Execution execution, List<Object> positional, Map<String, Object> named) {
    static Arguments none(Execution execution) {
        return new Arguments(execution, List.of(), new LinkedHashMap<>());
    }

    /**
     * Lays the values out by parameters.
     *
     * @param function   the name for messages
     * @param required   how many of the parameters must be given
     * @param parameters names in order
     */
    Bound bind(String function, int required, String... parameters) {
        @Nullable Object[] values = new @Nullable Object[parameters.length];
        if (positional.size() > parameters.length) {
            throw execution.error(function + "() takes at most " + parameters.length + " argument"
                    + (parameters.length == 1 ? "" : "s") + " (" + positional.size() + " given)");
        }
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, Object> entry : named.entrySet()) {
            int index = List.of(parameters).indexOf(entry.getKey());
            if (index < 0) {
                throw execution.error(function + "() got an unexpected keyword argument '" + entry.getKey() + "'");
            }
            if (values[index] != null) {
                throw execution.error(function + "() got multiple values for argument '" + entry.getKey() + "'");
            }
            values[index] = entry.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (values[i] == null) {
                throw execution.error(function + "() missing required argument '" + parameters[i] + "'");
            }
        }
        return new Bound(execution, function, values, parameters);
    }

    /** Values by parameter; the accessors take the value that holds when none was given. */
    record Bound(
            Execution execution, String function, @Nullable Object[] values, String[] parameters) {
        boolean has(int index) {
            return values[index] != null;
        }

        Object value(int index, Object absent) {
            Object value = values[index];
            return value == null ? absent : value;
        }

        Object required(int index) {
            Object value = values[index];
            if (value == null) {
                throw execution.error(function + "() missing required argument '" + parameters[index] + "'");
            }
            return value;
        }

        /** None counts as not given. */
        boolean isSet(int index) {
            return values[index] != null && values[index] != None.NONE;
        }

        String text(int index, String absent) {
            Object value = values[index];
            if (value == null) {
                return absent;
            }
            String text = Types.textOrNull(value);
            if (text == null) {
                throw execution.error(
                        function + "() argument '" + parameters[index] + "' must be str, not " + Types.name(value));
            }
            return text;
        }

        int integer(int index, int absent) {
            Object value = values[index];
            if (value == null) {
                return absent;
            }
            Long number = Types.integerOrNull(value);
            if (number == null) {
                throw execution.error("'" + Types.name(value) + "' object cannot be interpreted as an integer");
            }
            return Math.clamp(number, Integer.MIN_VALUE, Integer.MAX_VALUE);
        }

        boolean flag(int index, boolean absent) {
            Object value = values[index];
            return value == null ? absent : Values.isTrue(value);
        }
    }
}
