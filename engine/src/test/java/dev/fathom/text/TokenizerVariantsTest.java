package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Many kinds of tokenizer files against the reference; made by scripts/tokenizer_goldens.py. */
class TokenizerVariantsTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    @Test
    void equalsTheReferenceForEveryVariant() {
        JsonNode golden = Goldens.json("/golden/tokenizer/variants.json.gz");
        List<String> wrong = new ArrayList<>();
        int checked = 0;
        for (JsonNode variant : golden.get("variants")) {
            Tokenizer tokenizer = Tokenizer.parse(
                    file(golden, variant.get("parts")), variant.get("name").stringValue());
            for (JsonNode each : variant.get("cases")) {
                String text =
                        golden.get("texts").get(each.get("text").intValue()).stringValue();
                int[] wanted = Goldens.ids(each.get("ids"));
                int[] ids = tokenizer.encode(text);
                String decoded = each.has("decoded") ? each.get("decoded").stringValue() : text;
                checked++;
                if (!Arrays.equals(ids, wanted)) {
                    wrong.add(variant.get("name").stringValue() + " on '" + text + "': " + Arrays.toString(ids)
                            + " not " + each.get("ids"));
                } else if (!tokenizer.decode(ids, true).equals(decoded)) {
                    wrong.add(variant.get("name").stringValue() + " on '" + text + "': decoded "
                            + tokenizer.decode(ids, true) + " not " + decoded);
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(checked).isGreaterThan(5000);
    }

    @Test
    void replacesBytesThatAreNotTextAsTheReferenceDoes() {
        JsonNode golden = Goldens.json("/golden/tokenizer/variants.json.gz");
        JsonNode raw = MAPPER.readTree("{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}}");
        Tokenizer tokenizer = Tokenizer.parse(file(golden, raw), "raw");
        for (JsonNode each : golden.get("sequences")) {
            int[] ids = Goldens.ids(each.get("ids"));
            assertThat(tokenizer.decode(ids, false))
                    .as("ids %s", Arrays.toString(ids))
                    .isEqualTo(each.get("decoded").stringValue());
        }
    }

    private static byte[] file(JsonNode golden, JsonNode parts) {
        ObjectNode file = MAPPER.createObjectNode();
        ObjectNode model = (ObjectNode) golden.get("model").deepCopy();
        if (parts.has("drop")) {
            dropBytes(model);
        }
        if (parts.has("model")) {
            model.setAll((ObjectNode) parts.get("model"));
        }
        file.set("added_tokens", parts.has("added_tokens") ? parts.get("added_tokens") : MAPPER.createArrayNode());
        file.set("normalizer", parts.get("normalizer"));
        file.set("pre_tokenizer", parts.get("pre_tokenizer"));
        file.set("decoder", MAPPER.readTree("{\"type\":\"ByteLevel\"}"));
        file.set("model", model);
        return MAPPER.writeValueAsBytes(file);
    }

    /** As the script does: all bytes beyond ASCII leave the vocabulary. */
    private static void dropBytes(ObjectNode model) {
        ObjectNode vocabulary = MAPPER.createObjectNode();
        for (Map.Entry<String, JsonNode> entry : model.get("vocab").properties()) {
            if (isKept(entry.getKey())) {
                vocabulary.set(entry.getKey(), entry.getValue());
            }
        }
        model.set("vocab", vocabulary);
        var merges = MAPPER.createArrayNode();
        for (JsonNode merge : model.get("merges")) {
            if (isKept(merge.get(0).stringValue() + merge.get(1).stringValue())) {
                merges.add(merge);
            }
        }
        model.set("merges", merges);
    }

    private static boolean isKept(String token) {
        return token.chars().noneMatch(c -> c > 126);
    }
}
