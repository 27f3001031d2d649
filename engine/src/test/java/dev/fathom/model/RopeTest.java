package dev.fathom.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RopeTest {
    @Test
    void plainAnglesFallFromOneByPowersOfTheta() {
        float[] plain = Rope.plain(64, 10000);
        assertThat(plain).hasSize(32);
        assertThat(plain[0]).isEqualTo(1);
        assertThat(plain[16]).isCloseTo(0.01f, within(1e-8f));
    }

    @Test
    void anglesAreFloatProductsOfPositionAndFrequency() {
        try (Arena arena = Arena.ofConfined();
                KernelBackend kernels = new ScalarBackend(1)) {
            Rope rope = new Rope(Rope.plain(4, 10000), 2);
            Tensor cos = new Tensor(arena.allocate(16), 2, 2);
            Tensor sin = new Tensor(arena.allocate(16), 2, 2);
            rope.rotations(new int[] {0, 163_839}, cos, sin, kernels);
            assertThat(cos.toArray()[0]).isEqualTo(2);
            assertThat(sin.toArray()[0]).isEqualTo(0);
            assertThat(cos.get(1, 0)).isEqualTo((float) Math.cos(163_839f) * 2);
            assertThat(sin.get(1, 1)).isEqualTo((float) Math.sin(163_839 * 0.01f) * 2);
        }
    }

    private static RopeParameters parameters(String json) {
        return RopeParameters.read(HfConfig.parse(json.getBytes(StandardCharsets.UTF_8), "config.json"));
    }

    @Test
    void parametersComeFromEveryPublishedPlace() {
        RopeParameters plain = parameters("{\"rope_theta\": 10000, \"rope_scaling\": null}");
        assertThat(plain.type()).isEqualTo("default");
        assertThat(plain.theta()).isEqualTo(10000);
        RopeParameters scaling =
                parameters("{\"rope_theta\": 500000, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 40}}");
        assertThat(scaling.type()).isEqualTo("yarn");
        assertThat(scaling.theta()).isEqualTo(500000);
        assertThat(scaling.values().number("factor")).isEqualTo(40);
        RopeParameters newer = parameters("{\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 500000}}");
        assertThat(newer.type()).isEqualTo("llama3");
        assertThat(newer.theta()).isEqualTo(500000);
    }

    @Test
    void parametersThatContradictEachOtherAreRefused() {
        assertThatThrownBy(() -> parameters("{\"rope_parameters\": {}, \"rope_scaling\": {}}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("both rope_parameters and rope_scaling");
        assertThatThrownBy(() -> parameters(
                        "{\"rope_theta\": 1e4, \"rope_scaling\": {\"type\": \"yarn\", \"rope_type\": \"linear\"}}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("rope_type linear and type yarn contradict");
    }
}
