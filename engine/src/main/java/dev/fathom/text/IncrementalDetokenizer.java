package dev.fathom.text;

/**
 * Text of tokens as they come; a character split over tokens is held back until it is whole. For one stream, one thread.
 *
 * <p>What the calls return, joined, is what {@link Tokenizer#decode} gives for all ids at once.
 */
public final class IncrementalDetokenizer {
    private final Tokenizer tokenizer;
    private final boolean skipSpecial;
    private final Utf8.Decoder decoder = new Utf8.Decoder();
    private final StringBuilder text = new StringBuilder();

    /** @param skipSpecial leaves special tokens out */
    public IncrementalDetokenizer(Tokenizer tokenizer, boolean skipSpecial) {
        this.tokenizer = tokenizer;
        this.skipSpecial = skipSpecial;
    }

    /**
     * The text that is certain with this token, possibly empty.
     *
     * @throws IllegalArgumentException if the id is negative
     */
    public String push(int id) {
        tokenizer.decodeInto(id, skipSpecial, decoder, text);
        return taken();
    }

    /** What is still held back: U+FFFD for a character that was never completed, else nothing. */
    public String finish() {
        decoder.end(text);
        return taken();
    }

    private String taken() {
        String piece = text.toString();
        text.setLength(0);
        return piece;
    }
}
