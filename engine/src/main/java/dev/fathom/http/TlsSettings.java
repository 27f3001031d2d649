package dev.fathom.http;

import io.helidon.common.configurable.Resource;
import io.helidon.common.pki.Keys;
import io.helidon.common.pki.PemKeys;
import io.helidon.common.tls.Tls;
import io.helidon.common.tls.TlsClientAuth;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Reads the files that TLS needs. */
final class TlsSettings {
    /** A part of a PEM file, with its kind. */
    private static final Pattern PART = Pattern.compile("-----BEGIN ([^-]*)-----[^-]*-----END \\1-----");

    private TlsSettings() {}

    /** @throws IllegalArgumentException if a file cannot be read, or is not what it should be */
    static Tls of(HttpConfig.TlsFiles files) {
        try {
            PemKeys.Builder pem = PemKeys.builder()
                    .key(parts(files.key(), "PRIVATE KEY"))
                    .certChain(parts(files.chain(), "CERTIFICATE"));
            if (files.password() != null) {
                pem.keyPassphrase(files.password());
            }
            Keys own = Keys.builder().pem(pem.build()).build();
            var tls = Tls.builder().privateKey(own.privateKey().orElseThrow()).privateKeyCertChain(own.certChain());
            if (files.clients() != null) {
                Keys clients = Keys.builder()
                        .pem(PemKeys.builder()
                                .certificates(parts(files.clients(), "CERTIFICATE"))
                                .build())
                        .build();
                tls.trust(clients.certs()).clientAuth(TlsClientAuth.REQUIRED);
            }
            return tls.build();
        } catch (IOException | RuntimeException e) {
            String message = String.valueOf(e.getMessage());
            throw new IllegalArgumentException(
                    "TLS cannot be set up with " + files.key() + " and " + files.chain()
                            + (files.clients() == null ? "" : " and " + files.clients()) + ": "
                            + (message.endsWith(".") ? message : message + ".")
                            + " Give PEM files, the key as PKCS#8 (BEGIN PRIVATE KEY).",
                    e);
        }
    }

    /** The parts of one kind. Between them may be anything: OpenSSL writes there whose certificate it is. */
    private static Resource parts(Path file, String kind) throws IOException {
        String found = PART.matcher(Files.readString(file, StandardCharsets.ISO_8859_1))
                .results()
                .filter(part -> part.group(1).endsWith(kind))
                .map(MatchResult::group)
                .collect(Collectors.joining("\n"));
        if (found.isEmpty()) {
            throw new IOException(file + " has no " + kind);
        }
        return Resource.create(file.toString(), found);
    }
}
