package dev.fathom.cli;

/** A command cannot go on. The message is the one sentence the user sees. */
final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What was asked could not be done. */
    static final int FAILURE = 1;
    /** The command line is wrong. */
    static final int USAGE = 2;

    private final int exitCode;

    private CliException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    static CliException failure(String message) {
        return new CliException(FAILURE, message);
    }

    static CliException usage(String message) {
        return new CliException(USAGE, message);
    }

    int exitCode() {
        return exitCode;
    }
}
