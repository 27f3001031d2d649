package dev.fathom.text.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.text.Goldens;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * The public JSON Schema Test Suite: every valid instance is accepted token by token, in some order of its members, and
 * every invalid one is rejected in all of them; written compactly, with blanks, and over several lines.
 */
class JsonSchemaSuiteTest {
    /** Groups whose instances may be judged otherwise, by how their name begins, with the reason. */
    private static final Map<String, String> EXCEPTIONS = Map.of(
            "draft2020-12/format: ", "formats are kept to, not only annotated",
            "draft7/ref: ref overrides any sibling keywords", "siblings of $ref count, as from draft 2019-09 on",
            "draft2020-12/vocabulary: ", "vocabularies of metaschemas are not looked at",
            "draft2020-12/optional/format/time: ", "leap seconds are written in UTC only",
            "draft2020-12/optional/format/date-time: ", "leap seconds are written in UTC only",
            "draft2020-12/optional/format/hostname: ", "labels in punycode are not written");

    @Test
    @Tag("slow")
    void acceptsWhatIsValidAndRejectsWhatIsNot() {
        int groups = 0;
        int instances = 0;
        List<String> failures = new ArrayList<>();
        TreeMap<String, String> refused = new TreeMap<>();
        for (JsonNode group : Goldens.json("/golden/json-schema/suite.json.gz")) {
            String name = group.get("file").stringValue() + ": "
                    + group.get("description").stringValue();
            CompiledGrammar grammar;
            try {
                grammar = Vocabulary.NANO.schema(group.get("schema"), new GrammarOptions(false, true));
            } catch (GrammarException e) {
                refused.put(name, String.valueOf(e.getMessage()));
                continue;
            }
            groups++;
            for (JsonNode test : group.get("tests")) {
                instances++;
                String problem =
                        problem(grammar, test.get("data"), test.get("valid").booleanValue());
                if (problem != null && !isException(name, problem)) {
                    failures.add(name + " / " + test.get("description").stringValue() + ": " + problem);
                }
            }
        }
        System.out.println(
                groups + " supported groups with " + instances + " instances, " + refused.size() + " refused groups");
        assertThat(failures).isEmpty();
        assertThat(refused.keySet()).isEqualTo(expectedRefusals());
        assertThat(refused.values())
                .allMatch(message ->
                        message.matches("(?s).*(not supported|matches nothing|must be|points to nothing).*"));
    }

    /** Nothing invalid is ever let through on purpose: the exceptions only reject what is valid. */
    private static boolean isException(String name, String problem) {
        return problem.startsWith("valid") && EXCEPTIONS.keySet().stream().anyMatch(name::startsWith);
    }

    private static Set<String> expectedRefusals() {
        byte[] text = Goldens.bytes("/golden/json-schema/refused.txt");
        return new TreeSet<>(new String(text, StandardCharsets.UTF_8).lines().toList());
    }

    private static @Nullable String problem(CompiledGrammar grammar, JsonNode data, boolean valid) {
        for (JsonTexts.Style style : JsonTexts.Style.values()) {
            boolean accepted = JsonTexts.orders(data).stream()
                    .anyMatch(order -> Vocabulary.NANO.accepts(grammar, JsonTexts.write(order, style)));
            if (accepted != valid) {
                return (valid ? "valid but rejected: " : "invalid but accepted: ") + JsonTexts.write(data, style);
            }
        }
        return null;
    }
}
