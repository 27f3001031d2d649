package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.serve.ScriptedGenerator;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** With certificates that the JDK's keytool makes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();

    private Path folder;
    private KeyStore store;

    @BeforeAll
    void makeCertificate(@TempDir Path folder) throws Exception {
        this.folder = folder;
        Path file = folder.resolve("store.p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-keystore",
                        file.toString(),
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        "changeit",
                        "-alias",
                        "own",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=localhost",
                        "-ext",
                        "san=dns:localhost,ip:127.0.0.1",
                        "-validity",
                        "2")
                .redirectErrorStream(true)
                .start();
        String output = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(keytool.waitFor()).as(output).isZero();
        store = KeyStore.getInstance(file.toFile(), PASSWORD);
        Key key = store.getKey("own", PASSWORD);
        pem("cert.pem", "CERTIFICATE", certificate().getEncoded());
        pem("key.pem", "PRIVATE KEY", key.getEncoded());
        pem("locked.pem", "ENCRYPTED PRIVATE KEY", encrypted(key.getEncoded()));
    }

    @Test
    void speaksTlsWithAPlainAndAnEncryptedKeyAndAsOpenSslWritesThem() throws Exception {
        String both = "Bag Attributes\n    friendlyName: own\n" + Files.readString(folder.resolve("key.pem"))
                + "subject=CN = localhost\n" + Files.readString(folder.resolve("cert.pem"));
        Files.writeString(folder.resolve("both.pem"), both);
        for (HttpConfig.TlsFiles files : List.of(
                files("key.pem", null, null),
                files("locked.pem", "sesame", null),
                new HttpConfig.TlsFiles(folder.resolve("both.pem"), null, folder.resolve("both.pem"), null))) {
            try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.tls(files));
                    HttpClient client = client(false)) {
                assertThat(get(client, server.port()).statusCode()).isEqualTo(200);
                String generated = client.send(
                                HttpRequest.newBuilder(uri(server.port(), "/generate"))
                                        .POST(HttpRequest.BodyPublishers.ofString(
                                                "{\"text\": \"Hi\", \"stream\": true}"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString())
                        .body();
                assertThat(generated).contains("\"text\":\"ok\"").endsWith("data: [DONE]\n\n");
            }
        }
    }

    @Test
    void asksClientsForCertificatesWhereTold() throws Exception {
        HttpConfig.TlsFiles files = files("key.pem", null, "cert.pem");
        try (var server = TestServer.start(ScriptedGenerator.saying("ok"), config -> config.tls(files));
                HttpClient known = client(true);
                HttpClient unknown = client(false)) {
            assertThat(get(known, server.port()).statusCode()).isEqualTo(200);
            assertThatThrownBy(() -> get(unknown, server.port())).isInstanceOf(IOException.class);
        }
    }

    @Test
    void saysWhichFilesAreWrong() {
        HttpConfig.TlsFiles wrong = files("locked.pem", "wrong", null);
        assertThatThrownBy(() -> TestServer.start(ScriptedGenerator.saying("ok"), config -> config.tls(wrong)))
                .hasMessageContaining("locked.pem")
                .hasMessageContaining("Give PEM files");
    }

    private HttpConfig.TlsFiles files(
            String key,
            @org.jspecify.annotations.Nullable String password,
            @org.jspecify.annotations.Nullable String clients) {
        return new HttpConfig.TlsFiles(
                folder.resolve(key),
                password,
                folder.resolve("cert.pem"),
                clients == null ? null : folder.resolve(clients));
    }

    private static HttpResponse<String> get(HttpClient client, int port) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(uri(port, "/health")).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static URI uri(int port, String path) {
        return URI.create("https://localhost:" + port + path);
    }

    /** Trusts the certificate, and shows it as its own if asked to. */
    private HttpClient client(boolean own) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("server", certificate());
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(own ? keys.getKeyManagers() : null, trust.getTrustManagers(), null);
        return HttpClient.newBuilder().sslContext(context).build();
    }

    private Certificate certificate() throws Exception {
        return store.getCertificate("own");
    }

    private static byte[] encrypted(byte[] key) throws Exception {
        Cipher cipher = Cipher.getInstance("PBEWithHmacSHA256AndAES_256");
        cipher.init(
                Cipher.ENCRYPT_MODE,
                SecretKeyFactory.getInstance("PBEWithHmacSHA256AndAES_256")
                        .generateSecret(new PBEKeySpec("sesame".toCharArray())));
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("PBES2"); // the name that the encoding knows
        parameters.init(cipher.getParameters().getEncoded());
        return new EncryptedPrivateKeyInfo(parameters, cipher.doFinal(key)).getEncoded();
    }

    private void pem(String name, String kind, byte[] content) throws IOException {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        Files.writeString(
                folder.resolve(name), "-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n");
    }
}
