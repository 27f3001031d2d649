package dev.fathom.cli;

import java.io.PrintStream;

/** Prints an answer as it comes: reasoning dimmed above it on a terminal, and beside it where answers go into a pipe. */
final class AnswerPrinter implements ChatBackend.Sink {
    private static final String DIM = "\u001b[2m";
    private static final String NORMAL = "\u001b[0m";

    private final Terminal terminal;
    private boolean reasoning;

    AnswerPrinter(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void reasoning(String text) {
        if (!reasoning && terminal.outputIsTerminal()) {
            terminal.out().print(DIM);
        }
        reasoning = true;
        print(aside(), text);
    }

    @Override
    public void text(String text) {
        endReasoning();
        print(terminal.out(), text);
    }

    /** The answer is whole. */
    void end() {
        endReasoning();
        terminal.out().println();
    }

    /** What comes next is not reasoning. */
    void endReasoning() {
        if (reasoning) {
            reasoning = false;
            aside().println(terminal.outputIsTerminal() ? NORMAL : "");
        }
    }

    private PrintStream aside() {
        return terminal.outputIsTerminal() ? terminal.out() : terminal.err();
    }

    private static void print(PrintStream stream, String text) {
        stream.print(text);
        stream.flush();
    }
}
