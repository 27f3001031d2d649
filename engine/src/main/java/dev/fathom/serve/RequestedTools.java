package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.text.answer.ToolCallFormat;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The functions of a request, and what their calls are held to. */
final class RequestedTools {
    private static final ObjectNode ANY_OBJECT =
            JsonNodeFactory.instance.objectNode().put("type", "object");

    private record Tool(
            String name, boolean strict, @Nullable ObjectNode parameters, String where) {}

    private final List<Tool> tools = new ArrayList<>();
    private final Grammars grammars;
    private final ToolStrictness strictness;

    /** @param given as chat templates read them */
    RequestedTools(List<Map<String, @Nullable Object>> given, Grammars grammars, ToolStrictness strictness) {
        this.grammars = grammars;
        this.strictness = strictness;
        for (Map<String, @Nullable Object> tool : given) {
            if (tool.get("function") instanceof Map<?, ?> function && function.get("name") instanceof String name) {
                String where = "tools[" + tools.size() + "].function";
                boolean strict = Boolean.TRUE.equals(function.get("strict")) || strictness == ToolStrictness.PARAMETER;
                JsonNode schema = JsonMapper.shared().valueToTree(function.get("parameters"));
                tools.add(new Tool(name, strict, schema instanceof ObjectNode object ? object : null, where));
            }
        }
    }

    Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        tools.forEach(tool -> names.add(tool.name()));
        return names;
    }

    /**
     * What an answer must follow.
     *
     * @throws RequestException if the choice asks for what is not there, or a strict schema is not supported
     */
    ToolGrammar grammar(ToolCallFormat format, ToolChoice choice, boolean parallel) {
        boolean held = strictness != ToolStrictness.REQUESTED || tools.stream().anyMatch(Tool::strict);
        ToolGrammar.Need need = switch (choice) {
            case ToolChoice.Auto auto -> held ? ToolGrammar.Need.HELD : ToolGrammar.Need.FREE;
            case ToolChoice.Required required -> ToolGrammar.Need.DEMANDED;
            case ToolChoice.Named named -> ToolGrammar.Need.DEMANDED;
        };
        List<ToolGrammar.Function> functions = new ArrayList<>();
        for (Tool tool : tools) {
            if (!(choice instanceof ToolChoice.Named named) || named.function().equals(tool.name())) {
                JsonNode parameters = parameters(tool, format, need == ToolGrammar.Need.DEMANDED);
                functions.add(new ToolGrammar.Function(tool.name(), parameters));
            }
        }
        return new ToolGrammar(format, functions, need, parallel);
    }

    /**
     * Strict schemas are followed or refused. Others are followed in calls that are demanded, as far as they can be, and
     * else left to the model.
     */
    private JsonNode parameters(Tool tool, ToolCallFormat format, boolean demanded) {
        if (tool.parameters() == null || !(tool.strict() || demanded)) {
            return ANY_OBJECT;
        }
        ObjectNode parameters = tool.parameters().deepCopy();
        if (!parameters.has("type") && !parameters.has("$ref")) {
            parameters.put("type", "object");
        }
        String problem = grammars.problem(ToolGrammar.arguments(format, parameters));
        if (problem == null) {
            return parameters;
        }
        if (!tool.strict()) {
            return ANY_OBJECT;
        }
        throw RequestException.notSupported(
                tool.where() + ".parameters",
                tool.where() + " is strict, but its parameters cannot be enforced: " + problem);
    }
}
