package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EnvironmentTest {
    @Test
    void hasSglangsDefaults() {
        Environment environment = Environment.of(Map.of("PATH", "/bin"));
        assertThat(environment.healthCheckTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(environment.longerContext()).isFalse();
        assertThat(environment.apiKey()).isEmpty();
        assertThat(environment.notes()).isEmpty();
    }

    @Test
    void readsWhatItKnowsAndNamesWhatItDoesNot() {
        Environment environment = Environment.of(Map.of(
                "SGLANG_HEALTH_CHECK_TIMEOUT", "2.5",
                "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN", "True",
                "SGLANG_CPU_OMP_THREADS_BIND", "0-1",
                "SGLANG_TORCH_PROFILER_DIR", "/tmp",
                "OPENAI_API_KEY", "k"));
        assertThat(environment.healthCheckTimeout()).isEqualTo(Duration.ofMillis(2500));
        assertThat(environment.longerContext()).isTrue();
        assertThat(environment.threadsBind()).contains("0-1");
        assertThat(environment.apiKey()).contains("k");
        assertThat(environment.notes()).containsExactly("SGLANG_TORCH_PROFILER_DIR is set, but has no meaning here.");
    }

    @Test
    void refusesValuesItCannotRead() {
        assertThatThrownBy(() -> Environment.of(Map.of("SGLANG_HEALTH_CHECK_TIMEOUT", "soon")))
                .isInstanceOf(CliException.class)
                .hasMessage("SGLANG_HEALTH_CHECK_TIMEOUT must be a positive number of seconds, got \"soon\".");
        assertThatThrownBy(() -> Environment.of(Map.of("FATHOM_DEBUG", "maybe")))
                .hasMessage("FATHOM_DEBUG must be true or false, got \"maybe\".");
    }

    @Test
    void keepsKernelsWhereTheEnvironmentSays() {
        assertThat(Environment.of(Map.of()).kernelCache()).isEmpty();
        assertThat(kernelCache("HOME", "/home/me")).isEqualTo("/home/me/.cache/fathom/kernels");
        assertThat(kernelCache("HOME", "/home/me", "XDG_CACHE_HOME", "/cache")).isEqualTo("/cache/fathom/kernels");
        assertThat(kernelCache("XDG_CACHE_HOME", "/cache", "TORCHINDUCTOR_CACHE_DIR", "/inductor"))
                .isEqualTo("/inductor");
        assertThat(kernelCache("TORCHINDUCTOR_CACHE_DIR", "/inductor", "FATHOM_CACHE_DIR", "/mine"))
                .isEqualTo("/mine");
        assertThat(kernelCache("HOME", "/home/me", "FATHOM_CACHE_DIR", "")).isEqualTo("/home/me/.cache/fathom/kernels");
        assertThatThrownBy(() -> Environment.of(Map.of("FATHOM_CACHE_DIR", "a\0b")))
                .hasMessageStartingWith("FATHOM_CACHE_DIR is not a path");
    }

    private static String kernelCache(String name, String value, String... more) {
        Map<String, String> variables = more.length == 0 ? Map.of(name, value) : Map.of(name, value, more[0], more[1]);
        return Environment.of(variables).kernelCache().orElseThrow().toString();
    }
}
