package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** {@code fathom serve} in a process of its own, on a free port. */
record ServerProcess(Process process, BufferedReader output, URI address, HttpClient client) implements AutoCloseable {
    static ServerProcess start(String... flags) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "--port",
                "0",
                "--threads",
                "1",
                "--kernel-backend",
                "vector",
                "--skip-server-warmup"));
        command.addAll(List.of(flags));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String ready = until(output, "Fathom is ready at ");
        URI address = URI.create(ready.replaceFirst(".*(http://[0-9.]+:[0-9]+).*", "$1"));
        return new ServerProcess(process, output, address, HttpClient.newHttpClient());
    }

    /** The answer of /generate, line by line as it comes. */
    Stream<String> generate(String request) throws IOException, InterruptedException {
        HttpRequest post = HttpRequest.newBuilder(address.resolve("/generate"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(request))
                .build();
        return client.send(post, HttpResponse.BodyHandlers.ofLines()).body();
    }

    /** SIGTERM. */
    void signal() {
        process.toHandle().destroy(); // the process's own would close its streams, too
    }

    String until(String text) throws IOException {
        return until(output, text);
    }

    private static String until(BufferedReader output, String text) throws IOException {
        StringBuilder before = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.contains(text)) {
                return line;
            }
            before.append(line).append('\n');
        }
        throw new AssertionError("the server never said \"" + text + "\", but:\n" + before);
    }

    int exitStatus() throws InterruptedException {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("the server ends").isTrue();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        client.shutdownNow();
    }
}
