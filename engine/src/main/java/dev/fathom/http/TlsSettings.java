package dev.fathom.http;

import io.helidon.common.configurable.Resource;
import io.helidon.common.pki.Keys;
import io.helidon.common.pki.PemKeys;
import io.helidon.common.tls.Tls;
import io.helidon.common.tls.TlsClientAuth;

/** Reads the files that TLS needs. */
final class TlsSettings {
    private TlsSettings() {}

    /** @throws IllegalStateException if a file cannot be read, or is not what it should be */
    static Tls of(HttpConfig.TlsFiles files) {
        try {
            PemKeys.Builder pem =
                    PemKeys.builder().key(Resource.create(files.key())).certChain(Resource.create(files.chain()));
            if (files.password() != null) {
                pem.keyPassphrase(files.password());
            }
            Keys own = Keys.builder().pem(pem.build()).build();
            var tls = Tls.builder().privateKey(own.privateKey().orElseThrow()).privateKeyCertChain(own.certChain());
            if (files.clients() != null) {
                Keys clients = Keys.builder()
                        .pem(PemKeys.builder()
                                .certificates(Resource.create(files.clients()))
                                .build())
                        .build();
                tls.trust(clients.certs()).clientAuth(TlsClientAuth.REQUIRED);
            }
            return tls.build();
        } catch (RuntimeException e) {
            throw new IllegalStateException(
                    "TLS cannot be set up with " + files.key() + " and " + files.chain()
                            + (files.clients() == null ? "" : " and " + files.clients()) + ": " + e.getMessage()
                            + " Give PEM files, the key as PKCS#8 (BEGIN PRIVATE KEY).",
                    e);
        }
    }
}
