package dev.fathom.text;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** How DeepSeek-V3.2 is told about functions, and how calls of them are written. */
final class DeepSeekV32Tools {
    private static final String TAG = "｜DSML｜";

    /** Word for word what the model was trained with; {tag} is the mark in tags. */
    private static final String DESCRIPTION = """
            ## Tools
            You have access to a set of tools you can use to answer the user's question.
            You can invoke functions by writing a "<{tag}function_calls>" block like the following as part of your reply to the user:
            <{tag}function_calls>
            <{tag}invoke name="$FUNCTION_NAME">
            <{tag}parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</{tag}parameter>
            ...
            </{tag}invoke>
            <{tag}invoke name="$FUNCTION_NAME2">
            ...
            </{tag}invoke>
            </{tag}function_calls>
            String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON format. The "string" attribute should be set to "true" for string type parameters and "false" for other types (numbers, booleans, arrays, objects).
            If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is an example:
            <{tag}function_calls>
            ...
            </{tag}function_calls>
            <function_results>
            ...
            </function_results>
            <think>...thinking about results</think>
            Here are the functions available in JSONSchema format:
            <functions>
            {functions}
            </functions>
            """;

    private DeepSeekV32Tools() {}

    /** @param tools  as requests bring them, with their function in {@code function} */
    static String describe(List<Map<?, ?>> tools, Function<@Nullable Object, String> json) {
        List<String> functions =
                tools.stream().map(tool -> json.apply(tool.get("function"))).toList();
        return DESCRIPTION.replace("{tag}", TAG).replace("{functions}", String.join("\n", functions));
    }

    /** Strings stand as they are, everything else as JSON. */
    static String call(String name, Map<?, ?> arguments, Function<@Nullable Object, String> json) {
        List<String> parameters = arguments.entrySet().stream()
                .map(parameter -> {
                    Object value = parameter.getValue();
                    String written = value instanceof String text ? text : json.apply(value);
                    return "<%1$sparameter name=\"%2$s\" string=\"%3$s\">%4$s</%1$sparameter>"
                            .formatted(TAG, parameter.getKey(), value instanceof String, written);
                })
                .toList();
        return "<%1$sinvoke name=\"%2$s\">\n%3$s\n</%1$sinvoke>".formatted(TAG, name, String.join("\n", parameters));
    }

    static String calls(List<String> calls) {
        return "<%1$sfunction_calls>\n%2$s\n</%1$sfunction_calls>".formatted(TAG, String.join("\n", calls));
    }
}
