package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.text.answer.Answer;
import java.time.Duration;
import java.util.List;

/**
 * A whole answer.
 *
 * @param text        as the model wrote it; empty when the server runs without a tokenizer
 * @param answer      the text taken apart; for requests that are no chats all of it is content
 * @param prompt      the prompt's tokens with their log-probabilities, where asked for
 * @param tokens      every generated token, the one that ended the sequence included
 * @param callsTools  whether the answer ended by itself, with tool calls that are all whole
 */
public record TextResult(
        String text,
        Answer answer,
        List<GenerationEvent.Token> prompt,
        List<GenerationEvent.Token> tokens,
        FinishReason reason,
        boolean callsTools,
        Usage usage,
        Duration elapsed) {

    public int[] tokenIds() {
        return tokens.stream().mapToInt(GenerationEvent.Token::id).toArray();
    }
}
