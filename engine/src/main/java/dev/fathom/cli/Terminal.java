package dev.fathom.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Where a command reads and writes. Text is UTF-8 whatever the locale says, because tokens are.
 *
 * @param inputIsTerminal   a person types, and wants prompts
 * @param outputIsTerminal  a person reads the output
 * @param errorIsTerminal   a person watches, and progress may move
 */
record Terminal(
        InputStream in,
        PrintStream out,
        PrintStream err,
        boolean inputIsTerminal,
        boolean outputIsTerminal,
        boolean errorIsTerminal) {

    /**
     * The process's own streams.
     *
     * @param terminals  the numbers of the streams that are terminals, "012" for all; the launcher knows
     */
    static Terminal ofProcess(String terminals) {
        return new Terminal(
                new FileInputStream(FileDescriptor.in),
                new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8),
                new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
                terminals.contains("0"),
                terminals.contains("1"),
                terminals.contains("2"));
    }
}
