package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Iterator;
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
        try (ServerProcess server = ServerProcess.start("--shutdown-timeout", "0.2");
                Stream<String> lines = server.generate(ENDLESS)) {
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
        try (ServerProcess server = ServerProcess.start("--shutdown-timeout", "100000");
                Stream<String> lines = server.generate(ENDLESS)) {
            Iterator<String> stream = lines.iterator();
            assertThat(stream.next()).startsWith("data: ");
            server.signal();
            server.until("Shutting down: running requests get 100000 s");
            assertThat(stream.next()).as("what runs goes on").isNotNull();
            server.signal();
            assertThat(server.exitStatus()).isEqualTo(TERMINATED);
        }
    }
}
