package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.StuckStep;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.System.Logger;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.util.RawValue;

/**
 * Keeps the requests of the last five minutes, and writes them to a file when the engine breaks, so that whoever looks for the
 * reason can send them again. One JSON object a line: first why, then each request with what it has been answered.
 */
public final class CrashDump implements EngineListener {
    private static final Logger LOG = System.getLogger("dev.fathom.http");
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuuMMdd_HHmmss");
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    /** SGLang's window. */
    private static final Duration KEPT = Duration.ofMinutes(5);
    /** Bodies of ended requests that are kept (characters). */
    private static final long MOST_CHARACTERS = 64 << 20;

    private static final int MOST_REQUESTS = 100_000;

    private final Path folder;
    private final String version;
    private final Set<Kept> requests = new LinkedHashSet<>();
    private long characters;
    private @Nullable Instant written;

    /** @param folder has to be there */
    public CrashDump(Path folder, String version) {
        this.folder = folder;
        this.version = version;
    }

    /** A request that is kept. */
    final class Kept {
        private final String id;
        private final String path;
        private final String body;
        private final Instant received = Instant.now();
        private final AnswerRecord answers;
        private @Nullable Instant ended;

        private Kept(String id, String path, String body, AnswerRecord answers) {
            this.id = id;
            this.path = path;
            this.body = body;
            this.answers = answers;
        }

        /** It has been answered, or has failed or been left. */
        void end() {
            synchronized (CrashDump.this) {
                ended = Instant.now();
            }
        }

        private ObjectNode json() {
            ObjectNode json = JSON.objectNode()
                    .put("rid", id)
                    .put("path", path)
                    .put("received", received.toString())
                    .put("ended", ended == null ? null : ended.toString());
            json.putRawValue("body", new RawValue(body));
            json.set("out", answers.json(UnaryOperator.identity()));
            return json;
        }
    }

    Kept begin(String id, String path, JsonNode body, AnswerRecord answers) {
        var kept = new Kept(id, path, body.toString(), answers);
        synchronized (this) {
            requests.add(kept);
            characters += kept.body.length();
            forget(kept.received.minus(KEPT));
        }
        return kept;
    }

    private void forget(Instant before) {
        Iterator<Kept> oldest = requests.iterator();
        while (oldest.hasNext()) {
            Kept next = oldest.next();
            boolean tooMany = requests.size() > MOST_REQUESTS || characters > MOST_CHARACTERS;
            if (next.ended != null && (tooMany || next.ended.isBefore(before))) {
                characters -= next.body.length();
                oldest.remove();
            } else if (!tooMany && next.received.isAfter(before)) {
                return; // so are all that follow
            }
        }
    }

    /** A step failed and its requests with it; the engine goes on, so that this may come often. */
    @Override
    public void failed(String id, RequestException error) {
        if (error.code() == ErrorCode.INTERNAL && isDue()) {
            Thread.ofVirtual().name("fathom-crash-dump").start(() -> write("Request " + id + " failed: " + error));
        }
    }

    @Override
    public void crashed() {
        write("The engine stopped because of a defect.");
    }

    @Override
    public void stuck(StuckStep step) {
        if (step.gaveUp()) {
            write(step.describe());
        }
    }

    private synchronized boolean isDue() {
        Instant now = Instant.now();
        boolean due = written == null || written.isBefore(now.minus(KEPT));
        if (due) {
            written = now;
        }
        return due;
    }

    private void write(String reason) {
        List<String> lines = new ArrayList<>();
        lines.add(JSON.objectNode()
                .put("event", "crash")
                .put("timestamp", Instant.now().toString())
                .put("version", version)
                .put("reason", reason)
                .toString());
        synchronized (this) {
            forget(Instant.now().minus(KEPT));
            requests.forEach(kept -> lines.add(kept.json().toString()));
        }
        try {
            Path file = create();
            try (BufferedWriter out = Files.newBufferedWriter(file)) {
                for (String line : lines) {
                    out.write(line);
                    out.write('\n');
                }
            }
            LOG.log(Logger.Level.ERROR, "{0} The requests of the last five minutes are in {1}.", reason, file);
        } catch (IOException e) {
            LOG.log(Logger.Level.ERROR, "The requests before the crash could not be written to " + folder + ".", e);
        }
    }

    /** For its owner alone: it holds what clients said. */
    private Path create() throws IOException {
        String name = "crash_dump_" + TIME.format(Instant.now().atZone(ZoneId.systemDefault()));
        boolean posix = folder.getFileSystem().supportedFileAttributeViews().contains("posix");
        FileAttribute<?>[] owner = posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
        for (int number = 1; ; number++) {
            Path file = folder.resolve(name + (number == 1 ? "" : "-" + number) + ".jsonl");
            try {
                return Files.createFile(file, owner);
            } catch (FileAlreadyExistsException e) {
                // Another in the same second.
            }
        }
    }
}
