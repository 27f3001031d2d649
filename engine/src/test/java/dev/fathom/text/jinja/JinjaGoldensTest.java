package dev.fathom.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.text.Goldens;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What Python's Jinja renders and refuses; made by scripts/jinja_goldens.py. */
class JinjaGoldensTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    @Test
    void rendersWhatPythonRendersAndRefusesWhatPythonRefuses() {
        JsonNode golden = Goldens.json("/golden/jinja/goldens.json");
        List<String> wrong = new ArrayList<>();
        for (JsonNode each : golden.get("cases")) {
            Map<String, Object> variables =
                    variables(golden.get("contexts").get(each.get("context").stringValue()));
            String template = each.has("file")
                    ? new String(
                            Goldens.bytes("/golden/jinja/templates/"
                                    + each.get("file").stringValue()),
                            StandardCharsets.UTF_8)
                    : each.get("template").stringValue();
            String wanted = each.has("error")
                    ? "refused: " + each.get("error").stringValue()
                    : each.get("expected").stringValue();
            String got = rendered(template, variables);
            boolean same = each.has("error") ? got.startsWith("refused: ") : got.equals(wanted);
            if (!same) {
                wrong.add(each.get("name").stringValue() + ": " + template + "\n  got    " + got + "\n  wanted "
                        + wanted);
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void rendersTheCasesOfTheTrial() {
        Map<String, Object> basic =
                variables(Goldens.json("/golden/jinja/ctx.json").get("basic"));
        for (Map.Entry<String, JsonNode> each :
                Goldens.json("/golden/jinja/cases.json").properties()) {
            String expected = each.getValue().get("expected").stringValue();
            String got = rendered(each.getValue().get("template").stringValue(), basic);
            if (expected.startsWith("EXC ")) {
                assertThat(got)
                        .as(each.getKey())
                        .startsWith("refused: ")
                        .endsWith(expected.substring(expected.indexOf(": ")));
            } else {
                assertThat(got).as(each.getKey()).isEqualTo(expected);
            }
        }
    }

    static String rendered(String template, Map<String, Object> variables) {
        try {
            return JinjaTemplate.parse(template).render(variables);
        } catch (JinjaException e) {
            assertThat(e.line()).isPositive();
            assertThat(e.column()).isPositive();
            return "refused: line " + e.line() + ", column " + e.column() + ": " + e.getMessage();
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> variables(JsonNode context) {
        return MAPPER.convertValue(context, LinkedHashMap.class);
    }
}
