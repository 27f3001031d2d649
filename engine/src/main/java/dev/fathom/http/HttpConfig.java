package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How the server listens and answers.
 *
 * @param port                  0 takes any free one
 * @param apiKey                clients must send it as a bearer token; null asks for none
 * @param adminApiKey           what routes for operators want instead of {@code apiKey}; null is the same key
 * @param enableMetrics         whether /metrics answers
 * @param enableCacheReport     whether usage says how many prompt tokens came from the prefix cache
 * @param streamInterval        tokens in each streamed chunk after the first
 * @param incrementalStreaming  /generate streams only what is new instead of everything so far
 * @param maxBodyBytes          longest request body
 * @param idleTimeout           a connection without a request for so long is closed
 * @param healthTimeout         how long /health_generate waits for a sign of life
 * @param weightVersion         reported with every answer
 * @param profileFolder         where /start_profile may write; null allows none
 * @param tls                   null speaks plain HTTP
 * @param rootPath              what a proxy puts before every path and leaves there: empty, or for example /llm
 * @param requestLogging        how requests are logged
 * @param accessLogExcluded     paths that begin so are not in the access log
 * @param serverArguments       what /get_server_info shows, by flag name
 */
public record HttpConfig(
        String host,
        int port,
        @Nullable String apiKey,
        @Nullable String adminApiKey,
        boolean enableMetrics,
        boolean enableCacheReport,
        int streamInterval,
        boolean incrementalStreaming,
        int maxBodyBytes,
        Duration idleTimeout,
        Duration healthTimeout,
        String weightVersion,
        @Nullable Path profileFolder,
        @Nullable TlsFiles tls,
        String rootPath,
        RequestLogging requestLogging,
        List<String> accessLogExcluded,
        Map<String, @Nullable Object> serverArguments) {

    /**
     * PEM files for TLS.
     *
     * @param key       the private key, PKCS#8
     * @param password  of the key, or null
     * @param chain     the server's certificate and those that vouch for it
     * @param clients   clients must show a certificate that one of these has signed; null asks for none
     */
    public record TlsFiles(
            Path key,
            @Nullable String password,
            Path chain,
            @Nullable Path clients) {
        /** @throws IllegalArgumentException if a file cannot be read, or is not what it should be */
        public void check() {
            TlsSettings.of(this);
        }
    }

    /**
     * The request log.
     *
     * @param enabled  whether it is on at first
     * @param level    0 to 3, see {@code RequestLog}
     * @param json     one JSON object a line instead of words
     * @param sink     takes the lines
     */
    public record RequestLogging(boolean enabled, int level, boolean json, Consumer<String> sink) {
        public static final RequestLogging OFF = toLog(false, 2, false);

        public RequestLogging {
            checkedLevel("log_requests_level", level);
        }

        /** Lines go to the server's log. */
        public static RequestLogging toLog(boolean enabled, int level, boolean json) {
            return new RequestLogging(
                    enabled,
                    level,
                    json,
                    line -> System.getLogger("dev.fathom.requests").log(System.Logger.Level.INFO, "{0}", line));
        }

        static int checkedLevel(String name, int level) {
            if (level < 0 || level > 3) {
                throw RequestException.invalid(name, name + " must be in [0, 3], got " + level + ".");
            }
            return level;
        }
    }

    public HttpConfig {
        if (!rootPath.isEmpty() && (!rootPath.startsWith("/") || rootPath.endsWith("/"))) {
            throw new IllegalArgumentException(
                    "rootPath must begin with a slash and not end with one, got " + rootPath);
        }
        if (port < 0 || port > 65_535) {
            throw new IllegalArgumentException("port must be in [0, 65535], got " + port);
        }
        if (streamInterval < 1) {
            throw new IllegalArgumentException("streamInterval must be at least 1, got " + streamInterval);
        }
        if (maxBodyBytes < 1) {
            throw new IllegalArgumentException("maxBodyBytes must be at least 1, got " + maxBodyBytes);
        }
    }

    /** SGLang's defaults. */
    public static HttpConfig defaults() {
        return builder().build();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Collects what differs from the defaults. */
    public static final class Builder {
        private String host = "127.0.0.1";
        private int port = 30_000;
        private @Nullable String apiKey;
        private @Nullable String adminApiKey;
        private boolean enableMetrics;
        private boolean enableCacheReport;
        private int streamInterval = 1;
        private boolean incrementalStreaming;
        private int maxBodyBytes = 32 << 20;
        private Duration idleTimeout = Duration.ofMinutes(5);
        private Duration healthTimeout = Duration.ofSeconds(20);
        private String weightVersion = "default";
        private @Nullable Path profileFolder;
        private @Nullable TlsFiles tls;
        private String rootPath = "";
        private RequestLogging requestLogging = RequestLogging.OFF;
        private List<String> accessLogExcluded = List.of();
        private Map<String, @Nullable Object> serverArguments = Map.of();

        private Builder() {}

        public Builder host(String value) {
            host = value;
            return this;
        }

        public Builder port(int value) {
            port = value;
            return this;
        }

        public Builder apiKey(@Nullable String value) {
            apiKey = value;
            return this;
        }

        public Builder adminApiKey(@Nullable String value) {
            adminApiKey = value;
            return this;
        }

        public Builder enableMetrics(boolean value) {
            enableMetrics = value;
            return this;
        }

        public Builder enableCacheReport(boolean value) {
            enableCacheReport = value;
            return this;
        }

        public Builder streamInterval(int value) {
            streamInterval = value;
            return this;
        }

        public Builder incrementalStreaming(boolean value) {
            incrementalStreaming = value;
            return this;
        }

        public Builder maxBodyBytes(int value) {
            maxBodyBytes = value;
            return this;
        }

        public Builder idleTimeout(Duration value) {
            idleTimeout = value;
            return this;
        }

        public Builder healthTimeout(Duration value) {
            healthTimeout = value;
            return this;
        }

        public Builder weightVersion(String value) {
            weightVersion = value;
            return this;
        }

        public Builder profileFolder(@Nullable Path value) {
            profileFolder = value;
            return this;
        }

        public Builder tls(@Nullable TlsFiles value) {
            tls = value;
            return this;
        }

        public Builder rootPath(String value) {
            rootPath = value;
            return this;
        }

        public Builder requestLogging(RequestLogging value) {
            requestLogging = value;
            return this;
        }

        public Builder accessLogExcluded(List<String> value) {
            accessLogExcluded = List.copyOf(value);
            return this;
        }

        public Builder serverArguments(Map<String, @Nullable Object> value) {
            serverArguments = value;
            return this;
        }

        public HttpConfig build() {
            return new HttpConfig(
                    host,
                    port,
                    apiKey,
                    adminApiKey,
                    enableMetrics,
                    enableCacheReport,
                    streamInterval,
                    incrementalStreaming,
                    maxBodyBytes,
                    idleTimeout,
                    healthTimeout,
                    weightVersion,
                    profileFolder,
                    tls,
                    rootPath,
                    requestLogging,
                    accessLogExcluded,
                    serverArguments);
        }
    }
}
