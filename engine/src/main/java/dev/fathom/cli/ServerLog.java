package dev.fathom.cli;

import java.io.PrintStream;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * The server's log, one line an event. Lines are written by a thread of its own, so that a terminal that has stopped cannot stop the engine;
 * lines that find its queue full are counted and left out.
 */
final class ServerLog extends Handler {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss", Locale.ROOT);
    private static final int QUEUE = 1024;

    private final PrintStream out;
    private final Logger steps = Logger.getLogger("dev.fathom.engine");
    private final Logger access = Logger.getLogger("dev.fathom.access");
    private final Logger http = Logger.getLogger("dev.fathom.http");
    private final BlockingQueue<String> lines = new ArrayBlockingQueue<>(QUEUE);
    private final AtomicLong lost = new AtomicLong();

    private ServerLog(PrintStream out, Level level) {
        this.out = out;
        setFormatter(new Line());
        setLevel(level);
    }

    /**
     * Starts the log and makes it the JVM's.
     *
     * @param http the same for the access log and the HTTP server
     * @param name debug, info, warning, error or critical, as {@code --log-level} takes them
     */
    static ServerLog start(String name, String http, PrintStream out) {
        ServerLog log = new ServerLog(out, level(name));
        LogManager.getLogManager().reset();
        Logger root = Logger.getLogger("");
        root.addHandler(log);
        root.setLevel(log.getLevel());
        log.steps.setLevel(Level.WARNING);
        log.access.setLevel(level(http));
        log.http.setLevel(level(http));
        Logger helidon = Logger.getLogger("io.helidon"); // its start is told by the banner
        helidon.setLevel(log.getLevel().intValue() < Level.INFO.intValue() ? log.getLevel() : Level.WARNING);
        Thread.ofPlatform().name("fathom-log").daemon(true).start(log::write);
        return log;
    }

    static Level level(String name) {
        return level("--log-level", name);
    }

    /** @param flag whose value {@code name} is */
    static Level level(String flag, String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "debug" -> Level.FINE;
            case "info" -> Level.INFO;
            case "warning", "warn" -> Level.WARNING;
            case "error", "critical" -> Level.SEVERE;
            default ->
                throw CliException.usage(flag + " must be debug, info, warning, error or critical, got " + name + ".");
        };
    }

    /** From now on the engine's steps are logged: after the warm-up, that is. */
    void showSteps() {
        steps.setLevel(null); // as the root logger
    }

    @Override
    public void publish(LogRecord event) {
        if (isLoggable(event) && !lines.offer(getFormatter().format(event))) {
            lost.incrementAndGet();
        }
    }

    private void write() {
        try {
            while (true) {
                out.print(lines.take());
                long missing = lost.getAndSet(0);
                if (missing > 0) {
                    out.println("(" + missing
                            + " lines of the log were left out: they came faster than they could be written.)");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void flush() {
        out.flush();
    }

    /** Writes what is left. */
    @Override
    public void close() {
        for (String line = lines.poll(); line != null; line = lines.poll()) {
            out.print(line);
        }
        out.flush();
    }

    /** Time and text; the level where it is a warning or worse; an exception's stack only for errors. */
    private static final class Line extends Formatter {
        @Override
        public String format(LogRecord event) {
            boolean grave = event.getLevel().intValue() > Level.INFO.intValue();
            StringBuilder line = new StringBuilder("[")
                    .append(LocalDateTime.now(java.time.ZoneId.systemDefault()).format(TIME))
                    .append("] ")
                    .append(grave ? event.getLevel() + ": " : "")
                    .append(formatMessage(event))
                    .append('\n');
            if (event.getThrown() != null && event.getLevel().intValue() >= Level.SEVERE.intValue()) {
                java.io.StringWriter stack = new java.io.StringWriter();
                event.getThrown().printStackTrace(new java.io.PrintWriter(stack));
                line.append(stack);
            }
            return line.toString();
        }
    }
}
