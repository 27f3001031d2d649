package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HfConfigTest {
    private static final HfConfig CONFIG = parse("""
            {"architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 384, "rope_theta": 10000.0, "factor": 40,
             "rms_norm_eps": 1e-06, "tie": false, "hidden_act": "silu", "q_lora_rank": null, "eos_token_id": [1, 2],
             "bos_token_id": 0, "rope_scaling": {"type": "yarn", "deep": {}}, "big": 3000000000, "huge": 1e60,
             "many": ["A", "B"], "half": 1.5, "unknown_key": {"left": "alone"}}
            """);

    private static HfConfig parse(String json) {
        return HfConfig.parse(json.getBytes(StandardCharsets.UTF_8), "m/config.json");
    }

    private static void refused(Consumer<HfConfig> read, String... parts) {
        assertThatThrownBy(() -> read.accept(CONFIG))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("m/config.json")
                .hasMessageContainingAll(parts);
    }

    @Test
    void readsEachType() {
        assertThat(CONFIG.architecture()).isEqualTo("DeepseekV3ForCausalLM");
        assertThat(CONFIG.integer("hidden_size")).isEqualTo(384);
        assertThat(CONFIG.number("rope_theta")).isEqualTo(10000f);
        assertThat(CONFIG.number("factor")).isEqualTo(40f);
        assertThat(CONFIG.number("rms_norm_eps")).isEqualTo(1e-6f);
        assertThat(CONFIG.flag("tie")).isFalse();
        assertThat(CONFIG.text("hidden_act")).isEqualTo("silu");
        assertThat(CONFIG.texts("many")).containsExactly("A", "B");
        assertThat(CONFIG.object("rope_scaling").text("type")).isEqualTo("yarn");
        assertThat(CONFIG.object("rope_scaling").object("deep").where()).isEqualTo("m/config.json, rope_scaling, deep");
    }

    @Test
    void replacesIntegersItHasAndAddsNone() {
        HfConfig small = CONFIG.with(Map.of("hidden_size", 64, "q_lora_rank", 8, "n_group", 2));
        assertThat(small.integer("hidden_size")).isEqualTo(64);
        assertThat(small.has("q_lora_rank")).isFalse();
        assertThat(small.has("n_group")).isFalse();
        assertThat(small.text("hidden_act")).isEqualTo("silu");
        assertThat(CONFIG.integer("hidden_size")).isEqualTo(384);
    }

    @Test
    void readsOneOrManyEndTokens() {
        assertThat(CONFIG.integers("eos_token_id")).containsExactly(1, 2);
        assertThat(CONFIG.integers("bos_token_id")).containsExactly(0);
        assertThat(CONFIG.integersOrNone("pad_token_id")).isEmpty();
    }

    @Test
    void treatsNullAsMissing() {
        assertThat(CONFIG.has("q_lora_rank")).isFalse();
        assertThat(CONFIG.integerOr("q_lora_rank", -1)).isEqualTo(-1);
        refused(config -> config.integer("q_lora_rank"), "\"q_lora_rank\" is missing");
    }

    @Test
    void fallsBackOnlyWhenMissing() {
        assertThat(CONFIG.integerOr("absent", 7)).isEqualTo(7);
        assertThat(CONFIG.numberOr("absent", 7f)).isEqualTo(7f);
        assertThat(CONFIG.flagOr("absent", true)).isTrue();
        assertThat(CONFIG.textOr("absent", "x")).isEqualTo("x");
        assertThat(CONFIG.objectIfPresent("absent")).isEmpty();
        assertThat(CONFIG.objectIfPresent("rope_scaling")).isPresent();
        refused(config -> config.integerOr("hidden_act", 7), "\"hidden_act\" is \"silu\", expected an integer");
    }

    @Test
    void refusesOtherTypesByKey() {
        refused(config -> config.integer("half"), "\"half\" is 1.5, expected an integer");
        refused(config -> config.integer("big"), "\"big\" is 3000000000, expected an integer");
        refused(config -> config.number("huge"), "\"huge\"", "float range");
        refused(config -> config.number("tie"), "\"tie\" is false, expected a number");
        refused(config -> config.flag("hidden_size"), "expected true or false");
        refused(config -> config.text("hidden_size"), "expected a text");
        refused(config -> config.object("many"), "expected an object");
        refused(config -> config.texts("eos_token_id"), "expected a text");
        refused(config -> config.integers("many"), "expected an integer");
        refused(config -> config.object("rope_scaling").number("factor"), "rope_scaling: \"factor\" is missing");
    }

    @Test
    void wantsExactlyOneArchitecture() {
        for (String json : List.of("{\"architectures\": []}", "{\"architectures\": [\"A\", \"B\"]}")) {
            assertThatThrownBy(() -> parse(json).architecture()).hasMessageContaining("must name one architecture");
        }
        assertThatThrownBy(() -> parse("{}").architecture()).hasMessageContaining("\"architectures\" is missing");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "{", "[]", "null", "{\"a\":1,\"a\":2}", "{} {}", "{} x", "{'a':1}", "{\"a\":NaN}", "\u0000"})
    void refusesWhatIsNotOneObject(String json) {
        assertThatThrownBy(() -> parse(json))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("m/config.json");
    }

    @Test
    void refusesDeepNestingAndGreatSize() {
        assertThatThrownBy(() -> parse("[".repeat(100_000))).isInstanceOf(CheckpointException.class);
        assertThatThrownBy(() -> HfConfig.parse(new byte[(16 << 20) + 1], "m/config.json"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("at most");
    }

    @Test
    void shortensLongValuesInMessages() {
        HfConfig config = parse("{\"a\":\"" + "x".repeat(100_000) + "\"}");
        assertThatThrownBy(() -> config.integer("a"))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300));
    }
}
