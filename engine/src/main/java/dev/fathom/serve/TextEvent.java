package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.RequestException;
import dev.fathom.text.answer.AnswerPart;
import java.time.Duration;
import java.util.List;

/** What an answer tells its reader: for each index any number of deltas, then exactly one Finished or Failed. */
public sealed interface TextEvent {
    /** Which of the request's sequences this belongs to: prompt number times n, plus the number of the answer. */
    int index();

    /**
     * More of the text.
     *
     * @param text    as the model wrote it; may be empty: part of a character, or the possible beginning of a stop string, is held back
     * @param parts   the text taken apart, later than the text where a part is not yet certain; for requests that are no
     *                chats all of it is content
     * @param tokens  the tokens that arrived since the last delta, with log-probabilities where asked for
     * @param reasoningTokens  how many of them are reasoning, its marks included
     * @param prompt  the prompt's tokens with their log-probabilities, once, in the first delta, where asked for
     */
    record Delta(
            int index,
            String text,
            List<AnswerPart> parts,
            List<GenerationEvent.Token> tokens,
            int reasoningTokens,
            List<GenerationEvent.Token> prompt)
            implements TextEvent {}

    /**
     * @param callsTools  whether the answer ended by itself, with tool calls that are all whole
     * @param elapsed     time from submission to the last token
     */
    record Finished(int index, FinishReason reason, boolean callsTools, Usage usage, Duration elapsed)
            implements TextEvent {}

    record Failed(int index, RequestException error) implements TextEvent {}
}
