package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.webserver.http.Handler;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Asks for the bearer token, which Anthropic's clients send in a header of their own. Health checks and metrics are open, as SGLang has them.
 *
 * <p>A route is guarded when it is registered: what a client writes as its path has no say in which key is wanted.
 */
final class ApiKeys {
    private static final Set<String> OPEN = Set.of("/health", "/health_generate", "/ping", "/metrics");
    private static final Set<String> ADMIN = Set.of(
            "/flush_cache",
            "/abort_request",
            "/pause_generation",
            "/continue_generation",
            "/configure_logging",
            "/start_profile",
            "/stop_profile",
            "/freeze_gc");
    private static final HeaderName ANTHROPIC = HeaderNames.create("x-api-key");
    private static final String SCHEME = "bearer ";

    private final @Nullable String key;
    private final @Nullable String adminKey;

    ApiKeys(HttpConfig config) {
        key = config.apiKey();
        adminKey = config.adminApiKey();
    }

    /** Whether a path is for operators, who may have a key of their own. */
    static boolean isForOperators(String path) {
        return ADMIN.contains(path);
    }

    /** The handler behind the key that its route wants, if any. */
    Handler guard(String path, Handler handler) {
        String wanted = ADMIN.contains(path) && adminKey != null ? adminKey : key;
        if (wanted == null || OPEN.contains(path)) {
            return handler;
        }
        byte[] wantedBytes = wanted.getBytes(StandardCharsets.UTF_8);
        return (request, response) -> {
            check(wantedBytes, request.headers());
            handler.handle(request, response);
        };
    }

    private static void check(byte[] wanted, ServerRequestHeaders headers) {
        String header = headers.first(HeaderNames.AUTHORIZATION)
                .or(() -> headers.first(ANTHROPIC).map(key -> SCHEME + key))
                .orElse("");
        if (header.isEmpty()) {
            throw new RequestException(
                    ErrorCode.UNAUTHORIZED, "Unauthorized: send the API key as \"Authorization: Bearer KEY\".");
        }
        boolean bearer = header.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
        byte[] given = bearer ? header.substring(SCHEME.length()).trim().getBytes(StandardCharsets.UTF_8) : new byte[0];
        // In constant time, so that the key cannot be found letter by letter.
        if (!MessageDigest.isEqual(wanted, given)) {
            throw new RequestException(ErrorCode.UNAUTHORIZED, "Unauthorized: the API key is wrong.");
        }
    }
}
