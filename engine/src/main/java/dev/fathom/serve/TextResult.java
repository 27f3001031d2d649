package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import java.time.Duration;
import java.util.List;

/**
 * A whole answer.
 *
 * @param text    empty when the server runs without a tokenizer
 * @param tokens  every generated token, the one that ended the sequence included
 */
public record TextResult(
        String text, List<GenerationEvent.Token> tokens, FinishReason reason, Usage usage, Duration elapsed) {
    public int[] tokenIds() {
        return tokens.stream().mapToInt(GenerationEvent.Token::id).toArray();
    }
}
