package dev.fathom.http;

import static dev.fathom.serve.ScriptedGenerator.saying;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class PageRoutesTest {
    private static final String HI = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";

    @Test
    void servesThePageAndEveryFileOfIt() {
        try (var server = TestServer.start(saying("ok"))) {
            var page = server.get("/");
            assertThat(page.status()).isEqualTo(200);
            assertThat(page.header("Content-Type")).isEqualTo("text/html; charset=utf-8");
            assertThat(page.body()).startsWith("<!doctype html>");
            for (Path file : files()) {
                String name = file.getFileName().toString();
                var reply = server.get(
                        name.equals("index.html") ? "/" : name.equals("docs.html") ? "/docs" : "/page/" + name);
                assertThat(reply.status()).as(name).isEqualTo(200);
                assertThat(reply.body()).as(name).isEqualTo(text(file));
                assertThat(reply.header("Content-Type"))
                        .as(name)
                        .startsWith(
                                switch (name.replaceFirst(".*\\.", "")) {
                                    case "js" -> "text/javascript";
                                    case "css" -> "text/css";
                                    case "svg" -> "image/svg+xml";
                                    default -> "text/html";
                                });
            }
        }
    }

    @Test
    void allowsNothingFromElsewhereAndNoInlineCode() {
        try (var server = TestServer.start(saying("ok"))) {
            for (String path : List.of("/", "/page/main.js", "/page/style.css")) {
                var reply = server.get(path);
                assertThat(reply.header("Content-Security-Policy"))
                        .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
                        .doesNotContain("unsafe");
                assertThat(reply.header("X-Content-Type-Options")).isEqualTo("nosniff");
            }
        }
        Pattern elsewhere = Pattern.compile("(src|href|import|url)[ =(]*[\"']?(https?:)?//", Pattern.CASE_INSENSITIVE);
        Pattern asMarkup = Pattern.compile("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|\\beval\\(");
        for (Path file : files()) {
            assertThat(text(file)).as(file.toString()).doesNotContainPattern(elsewhere);
            assertThat(text(file)).as(file.toString()).doesNotContainPattern(asMarkup);
        }
    }

    @Test
    void sendsAFileOnlyWhenItHasChanged() {
        try (var server = TestServer.start(saying("ok"))) {
            String tag = server.get("/page/main.js").header("ETag");
            assertThat(tag).matches("\"[0-9a-f]{24}\"");
            for (String known : List.of(tag, "W/" + tag, "\"old\", " + tag, "*")) {
                var reply = server.send("GET", "/page/main.js", null, "If-None-Match", known);
                assertThat(reply.status()).as(known).isEqualTo(304);
                assertThat(reply.body()).isEmpty();
                assertThat(reply.header("ETag")).isEqualTo(tag);
            }
            assertThat(server.send("GET", "/page/main.js", null, "If-None-Match", "\"old\"")
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void hasNoOtherFiles() {
        try (var server = TestServer.start(saying("ok"))) {
            for (String path : List.of(
                    "/page",
                    "/page/",
                    "/page/index.html",
                    "/page/none.js",
                    "/page/..%2f..%2fmodels/nano/config.json",
                    "/page/%2e%2e/models/nano/config.json",
                    "/page/../models/nano/config.json",
                    "/page//style.css/",
                    "/web/style.css",
                    "/models/nano/config.json")) {
                assertThat(server.get(path).status()).as(path).isIn(400, 404);
            }
            assertThat(server.post("/", "{}").status()).isEqualTo(405);
        }
    }

    @Test
    void asksNoKeyForThePageButForWhatItShows() {
        try (var server = TestServer.start(saying("ok"), config -> config.apiKey("secret"))) {
            assertThat(server.get("/").status()).isEqualTo(200);
            assertThat(server.get("/page/api.js").status()).isEqualTo(200);
            assertThat(server.get("/page/stats").status()).isEqualTo(401);
            assertThat(server.get("/v1/models").status()).isEqualTo(401);
            assertThat(server.send("GET", "/page/stats", null, "Authorization", "Bearer secret")
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void tellsTheLiveViewHowTheServerStands() {
        try (var server = NanoServer.start(config -> config)) {
            JsonNode before = server.http.get("/page/stats").json();
            assertThat(before.at("/totals/generated_tokens").longValue()).isZero();
            assertThat(server.http.post("/v1/chat/completions", HI).status()).isEqualTo(200);
            JsonNode after = server.http.get("/page/stats").json();
            assertThat(after.get("seconds").doubleValue())
                    .isGreaterThan(before.get("seconds").doubleValue());
            long generated = after.at("/totals/generated_tokens").longValue();
            assertThat(generated).isEqualTo(server.stats().generatedTokens()).isPositive();
            assertThat(after.at("/totals/prompt_tokens").longValue())
                    .isEqualTo(server.stats().promptTokens());
            assertThat(after.at("/totals/finished").intValue()).isOne();
            assertThat(after.at("/kv/total").intValue())
                    .isEqualTo(server.stats().kvTotalTokens());
            assertThat(after.at("/kv/cached").intValue()).isPositive();
            for (String times : List.of("first_token", "between_tokens")) {
                JsonNode histogram = after.get(times);
                assertThat(histogram.get("counts").size())
                        .isEqualTo(histogram.get("bounds").size() + 1);
            }
            assertThat(after.at("/between_tokens/count").longValue()).isEqualTo(generated - 1);
        }
    }

    private static List<Path> files() {
        try (Stream<Path> files = Files.list(Path.of(folder()))) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static URI folder() {
        try {
            return Objects.requireNonNull(PageRoutesTest.class.getResource("/web"))
                    .toURI();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
