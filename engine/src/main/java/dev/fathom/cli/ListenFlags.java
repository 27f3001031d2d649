package dev.fathom.cli;

import dev.fathom.http.HttpConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server is reached, beside host and port: flags of the server. */
final class ListenFlags {
    @Option(names = "--ssl-keyfile", paramLabel = "FILE", description = "The private key for TLS, in PEM (PKCS#8).")
    private @Nullable Path key;

    @Option(names = "--ssl-certfile", paramLabel = "FILE", description = "The server's certificate chain, in PEM.")
    private @Nullable Path certificate;

    @Option(
            names = "--ssl-ca-certs",
            paramLabel = "FILE",
            description = "Clients must show a certificate that one of these has signed.")
    private @Nullable Path clientCertificates;

    @Option(names = "--ssl-keyfile-password", paramLabel = "TEXT", description = "Of an encrypted private key.")
    private @Nullable String keyPassword;

    @Option(
            names = "--fastapi-root-path",
            paramLabel = "PATH",
            description = "What a proxy leaves before every path, such as /llm; paths without it are served too.")
    private String rootPath = "";

    @Option(
            names = "--max-request-bytes",
            paramLabel = "BYTES",
            description = "Longer bodies are answered with 413. Default: ${DEFAULT-VALUE}.")
    private int maxRequestBytes = 32 << 20;

    @Option(
            names = "--profile-folder",
            paramLabel = "DIR",
            description = "Where /start_profile may record to. Default: nowhere.")
    private @Nullable Path profileFolder;

    /** Refuses wrong values before a large model is loaded for nothing. */
    void check() {
        if ((key == null) != (certificate == null)) {
            throw CliException.usage("--ssl-keyfile and --ssl-certfile belong together: give both.");
        }
        if (key == null && (clientCertificates != null || keyPassword != null)) {
            throw CliException.usage(
                    "--ssl-ca-certs and --ssl-keyfile-password need --ssl-keyfile and --ssl-certfile.");
        }
        readable("--ssl-keyfile", key);
        readable("--ssl-certfile", certificate);
        readable("--ssl-ca-certs", clientCertificates);
        checkTls();
        if (!rootPath.isEmpty() && (!rootPath.startsWith("/") || rootPath.endsWith("/"))) {
            throw CliException.usage(
                    "--fastapi-root-path must begin with a slash and not end with one, got " + rootPath + ".");
        }
        if (maxRequestBytes < 1) {
            throw CliException.usage("--max-request-bytes must be at least 1, got " + maxRequestBytes + ".");
        }
    }

    HttpConfig.Builder apply(HttpConfig.Builder config) {
        return config.rootPath(rootPath)
                .maxBodyBytes(maxRequestBytes)
                .profileFolder(profileFolder)
                .tls(tls());
    }

    private HttpConfig.@Nullable TlsFiles tls() {
        return key == null || certificate == null
                ? null
                : new HttpConfig.TlsFiles(key, keyPassword, certificate, clientCertificates);
    }

    private void checkTls() {
        HttpConfig.TlsFiles tls = tls();
        if (tls != null) {
            try {
                tls.check();
            } catch (IllegalArgumentException e) {
                throw CliException.failure(String.valueOf(e.getMessage()));
            }
        }
    }

    String scheme() {
        return key == null ? "http" : "https";
    }

    private static void readable(String flag, @Nullable Path file) {
        if (file != null && !Files.isReadable(file)) {
            throw CliException.usage(flag + ": " + file + " cannot be read.");
        }
    }
}
