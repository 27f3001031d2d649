package dev.fathom.serve;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The two names that chat templates have for the switch of reasoning: what sets one sets both. */
final class ThinkingVariables {
    private static final String DEEPSEEK = "thinking";
    private static final String OTHERS = "enable_thinking";

    private ThinkingVariables() {}

    /** The variables with both names, if there is one of them. */
    static Map<String, @Nullable Object> withBothNames(Map<String, @Nullable Object> variables) {
        Map<String, @Nullable Object> both = new LinkedHashMap<>(variables);
        if (variables.containsKey(DEEPSEEK)) {
            both.putIfAbsent(OTHERS, variables.get(DEEPSEEK));
        } else if (variables.containsKey(OTHERS)) {
            both.put(DEEPSEEK, variables.get(OTHERS));
        }
        return both;
    }
}
