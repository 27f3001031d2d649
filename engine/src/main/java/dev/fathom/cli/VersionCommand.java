package dev.fathom.cli;

import picocli.CommandLine.Command;

/** As --version. */
@Command(name = "version", description = "Prints the version.")
final class VersionCommand implements Runnable {
    private final Terminal terminal;

    VersionCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void run() {
        terminal.out().println(Main.Version.text());
    }
}
