package dev.fathom.cli;

import dev.fathom.text.grammar.GrammarOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How answers are held to grammars. */
final class GrammarFlags {
    @Option(
            names = "--grammar-backend",
            paramLabel = "NAME",
            description = "fathom, or none to refuse requests with a grammar. Default: ${DEFAULT-VALUE}.")
    private String backend = "fathom";

    @Option(
            names = "--constrained-json-disable-any-whitespace",
            description = "JSON by a grammar has no blanks or line ends between its tokens.")
    private boolean noSpace;

    /** Null where grammars are refused. @throws CliException for an engine that is not here */
    @Nullable
    GrammarOptions options() {
        return switch (backend) {
            case "fathom" -> new GrammarOptions(GrammarOptions.DEFAULT.closedObjects(), !noSpace);
            case "none" -> null;
            case "xgrammar", "llguidance", "outlines" ->
                throw CliException.usage(
                        "--grammar-backend " + backend + " is not supported in this version: grammars are"
                                + " served by an engine of Fathom's own, which takes the same requests. Leave the flag out.");
            default -> throw CliException.usage("--grammar-backend must be fathom or none, got " + backend + ".");
        };
    }
}
