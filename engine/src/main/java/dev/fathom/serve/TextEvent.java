package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.RequestException;
import java.time.Duration;
import java.util.List;

/** What an answer tells its reader: for each index any number of deltas, then exactly one Finished or Failed. */
public sealed interface TextEvent {
    /** Which of the request's sequences this belongs to: prompt number times n, plus the number of the answer. */
    int index();

    /**
     * More of the text.
     *
     * @param text    may be empty: part of a character, or the possible beginning of a stop string, is held back
     * @param tokens  the tokens that arrived since the last delta, with log-probabilities where asked for
     */
    record Delta(int index, String text, List<GenerationEvent.Token> tokens) implements TextEvent {}

    /** @param elapsed time from submission to the last token */
    record Finished(int index, FinishReason reason, Usage usage, Duration elapsed) implements TextEvent {}

    record Failed(int index, RequestException error) implements TextEvent {}
}
