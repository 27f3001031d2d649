package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.hub.HubSettings;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubVariablesTest {
    @TempDir
    private Path folder;

    private static HubSettings settings(String... namesAndValues) {
        Map<String, String> variables = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            variables.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return new HubVariables(variables).settings(Optional.empty());
    }

    private static String cache(String... namesAndValues) {
        return settings(namesAndValues).cache().toString();
    }

    @Test
    void findsTheCacheWhereHuggingFaceKeepsIt() {
        assertThat(cache("HOME", "/home/me")).isEqualTo("/home/me/.cache/huggingface/hub");
        assertThat(cache("HOME", "/home/me", "XDG_CACHE_HOME", "/cache")).isEqualTo("/cache/huggingface/hub");
        assertThat(cache("HOME", "/home/me", "HF_HOME", "~/hf")).isEqualTo("/home/me/hf/hub");
        assertThat(cache("HF_HOME", "/hf", "HF_HUB_CACHE", "/mine")).isEqualTo("/mine");
        assertThat(new HubVariables(Map.of("HF_HOME", "/hf"))
                        .settings(Optional.of(Path.of("/flag")))
                        .cache())
                .hasToString("/flag");
        assertThatThrownBy(HubVariablesTest::settings)
                .isInstanceOf(CliException.class)
                .hasMessageContaining("give --download-dir, or set HF_HOME or HOME");
    }

    @Test
    void findsTheToken() throws IOException {
        Files.writeString(folder.resolve("token"), "hf_file\n");
        assertThat(settings("HF_HOME", folder.toString()).token()).contains("hf_file");
        assertThat(settings("HF_HOME", folder.toString(), "HF_TOKEN", "hf_variable")
                        .token())
                .contains("hf_variable");
        assertThat(settings(
                                "HF_HOME",
                                "/x",
                                "HF_TOKEN_PATH",
                                folder.resolve("token").toString())
                        .token())
                .contains("hf_file");
        assertThat(settings("HF_HOME", folder.toString(), "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
                        .token())
                .isEmpty();
        assertThat(settings("HF_HOME", "/x").token()).isEmpty();
        assertThat(settings("HF_HOME", "/x", "HF_TOKEN", "hf_secret").toString())
                .doesNotContain("hf_secret");
    }

    @Test
    void asksTheHubThatIsNamed() {
        assertThat(settings("HOME", "/me").endpoint()).hasToString("https://huggingface.co");
        assertThat(settings("HOME", "/me", "HF_ENDPOINT", "https://mirror.example.com/hf/")
                        .endpoint())
                .hasToString("https://mirror.example.com/hf");
        assertThat(settings("HOME", "/me", "HF_HUB_OFFLINE", "1").offline()).isTrue();
        assertThat(settings("HOME", "/me", "HF_HUB_OFFLINE", "0").offline()).isFalse();
        assertThatThrownBy(() -> settings("HOME", "/me", "HF_ENDPOINT", "mirror"))
                .hasMessage("HF_ENDPOINT must be an address such as https://huggingface.co, got \"mirror\".");
    }

    @Test
    void asksModelScopeAsSglangDoes() {
        HubSettings settings = settings(
                "HOME", "/me", "SGLANG_USE_MODELSCOPE", "true", "MODELSCOPE_API_TOKEN", "t", "HF_TOKEN", "hf_secret");
        assertThat(settings.site()).isEqualTo(HubSettings.Site.MODEL_SCOPE);
        assertThat(settings.endpoint()).hasToString("https://www.modelscope.cn");
        assertThat(settings.cache()).hasToString("/me/.cache/modelscope");
        assertThat(settings.token()).contains("t");
    }

    @Test
    void goesThroughTheProxyThatIsNamed() {
        Proxy proxy = new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved("proxy", 3128));
        HubSettings settings =
                settings("HOME", "/me", "HTTPS_PROXY", "http://proxy:3128", "NO_PROXY", "localhost, .example.com");
        assertThat(settings.proxies().select(URI.create("https://huggingface.co")))
                .containsExactly(proxy);
        assertThat(settings.proxies().select(URI.create("http://huggingface.co")))
                .containsExactly(Proxy.NO_PROXY);
        assertThat(settings.proxies().select(URI.create("https://hub.example.com")))
                .containsExactly(Proxy.NO_PROXY);
        assertThat(settings.proxies().select(URI.create("https://myexample.com")))
                .containsExactly(proxy);
        assertThatThrownBy(() -> settings("HOME", "/me", "https_proxy", "socks5://proxy"))
                .hasMessageStartingWith("https_proxy must be an address such as http://proxy.example.com:3128");
    }
}
