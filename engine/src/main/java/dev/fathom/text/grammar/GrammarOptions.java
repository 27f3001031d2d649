package dev.fathom.text.grammar;

/**
 * What schemas leave open.
 *
 * @param closedObjects  objects that name members and say nothing about others have no others
 * @param anySpace       blanks, tabs and line ends may stand between the tokens of JSON
 */
public record GrammarOptions(boolean closedObjects, boolean anySpace) {
    /** As SGLang has it. */
    public static final GrammarOptions DEFAULT = new GrammarOptions(true, true);
}
