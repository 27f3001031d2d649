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
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A server in a process of its own, signals to it while a stream runs that would take minutes. */
@Tag("slow")
@Timeout(180)
class ShutdownTest {
    private static final String ENDLESS =
            "{\"text\": \"Once\", \"stream\": true, \"sampling_params\": {\"max_new_tokens\": 8000, \"ignore_eos\": true}}";
    private static final int TERMINATED = 143;

    @Test
    void abortsWhatIsNotDoneInTime() throws IOException, InterruptedException {
        try (Server server = Server.start("--shutdown-timeout", "0.2");
                Stream<String> lines = server.stream()) {
            Iterator<String> stream = lines.iterator();
            assertThat(stream.next()).startsWith("data: ");
            server.signal();
            String last = "";
            while (stream.hasNext()) {
                String line = stream.next();
                last = line.isEmpty() || line.equals("data: [DONE]") ? last : line;
            }
            assertThat(last).as("the client is told").contains("\"type\":\"abort\"");
            assertThat(server.exitStatus()).isEqualTo(TERMINATED);
        }
    }

    @Test
    void endsAtOnceOnASecondSignal() throws IOException, InterruptedException {
        try (Server server = Server.start("--shutdown-timeout", "100000");
                Stream<String> lines = server.stream()) {
            Iterator<String> stream = lines.iterator();
            assertThat(stream.next()).startsWith("data: ");
            server.signal();
            server.until("Shutting down: running requests get 100000 s");
            assertThat(stream.next()).as("what runs goes on").isNotNull();
            server.signal();
            assertThat(server.exitStatus()).isEqualTo(TERMINATED);
        }
    }

    private record Server(Process process, BufferedReader output, URI address, HttpClient client)
            implements AutoCloseable {
        static Server start(String... flags) throws IOException {
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
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            BufferedReader output =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            String ready = until(output, "Fathom is ready at ");
            URI address = URI.create(ready.replaceFirst(".*(http://[0-9.]+:[0-9]+).*", "$1"));
            return new Server(process, output, address, HttpClient.newHttpClient());
        }

        Stream<String> stream() throws IOException, InterruptedException {
            HttpRequest request = HttpRequest.newBuilder(address.resolve("/generate"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(ENDLESS))
                    .build();
            return client.send(request, HttpResponse.BodyHandlers.ofLines()).body();
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
            assertThat(process.waitFor(60, TimeUnit.SECONDS))
                    .as("the server ends")
                    .isTrue();
            return process.exitValue();
        }

        @Override
        public void close() {
            process.destroyForcibly();
            client.shutdownNow();
        }
    }
}
