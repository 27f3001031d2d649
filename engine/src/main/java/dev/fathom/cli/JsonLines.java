package dev.fathom.cli;

import java.time.Duration;
import tools.jackson.databind.node.ObjectNode;

/** Answers as lines of JSON, and on standard error how far they are. */
final class JsonLines {
    static final String ERROR = "error";

    private static final long REPORT_NANOS = Duration.ofSeconds(2).toNanos();

    private final Terminal terminal;
    private final long beganNanos = System.nanoTime();
    private long reportedNanos = beganNanos;
    private int answered;
    private int failed;
    private long tokens;

    JsonLines(Terminal terminal) {
        this.terminal = terminal;
    }

    void add(ObjectNode answer) {
        terminal.out().println(answer);
        answered++;
        failed += answer.has(ERROR) ? 1 : 0;
        tokens += answer.path("completion_tokens").asInt(0);
        long now = System.nanoTime();
        if (terminal.errorIsTerminal() && !terminal.outputIsTerminal() && now - reportedNanos > REPORT_NANOS) {
            reportedNanos = now;
            terminal.err().print("\r" + figures());
            terminal.err().flush();
        }
    }

    private String figures() {
        double seconds = (System.nanoTime() - beganNanos) / 1e9;
        return Units.format(
                "%,d answers, %,d tokens, %.1f s, %.0f tokens/s", answered, tokens, seconds, tokens / seconds);
    }

    /** @throws CliException if prompts failed */
    void end() {
        terminal.err().println((terminal.errorIsTerminal() ? "\r" : "") + figures());
        if (failed > 0) {
            throw CliException.failure(failed + " of the prompts failed; their lines say why.");
        }
    }
}
