package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.engine.GenerationStream;
import dev.fathom.text.answer.AnswerParser;
import dev.fathom.text.answer.AnswerPart;
import dev.fathom.text.answer.AnswerReading;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns one sequence's tokens into text events. Read by one thread; {@link #abort} may come from any. */
final class SequenceReader {
    private final int index;
    private final GenerationStream stream;
    private final SequenceText text;
    private final AnswerReading reading;
    private final AnswerParser parser;
    private final int streamInterval;
    private final long startNanos = System.nanoTime();
    private final ArrayDeque<TextEvent> ready = new ArrayDeque<>();
    private final StringBuilder unsentText = new StringBuilder();
    private List<GenerationEvent.Token> unsentPrompt = List.of();
    private List<GenerationEvent.Token> unsentTokens = new ArrayList<>();
    private int tokens;
    private int reasoningTokens;
    private int unsentReasoningTokens;
    private @Nullable String matchedStop;
    private boolean ended;

    /** @param streamInterval tokens a delta; the first token always makes one by itself */
    SequenceReader(int index, GenerationStream stream, SequenceText text, AnswerReading reading, int streamInterval) {
        this.index = index;
        this.stream = stream;
        this.text = text;
        this.reading = reading;
        this.parser = reading.parser();
        this.streamInterval = streamInterval;
    }

    /** The next event, or null after Finished or Failed was returned. Waits for the engine. */
    @Nullable
    TextEvent next() throws InterruptedException {
        while (ready.isEmpty()) {
            if (ended) {
                return null;
            }
            switch (stream.take()) {
                case GenerationEvent.Prompt given -> unsentPrompt = given.tokens();
                case GenerationEvent.Token token -> accept(token);
                case GenerationEvent.Finished finished -> finish(finished);
                case GenerationEvent.Failed failed -> {
                    ended = true;
                    ready.add(new TextEvent.Failed(index, failed.error()));
                }
            }
        }
        return ready.poll();
    }

    String id() {
        return stream.id();
    }

    int cachedTokens() {
        return stream.cachedTokens();
    }

    void abort() {
        stream.abort();
    }

    private void accept(GenerationEvent.Token token) {
        if (matchedStop != null) {
            return; // made before the engine saw the abort; not part of the answer
        }
        tokens++;
        unsentTokens.add(token);
        boolean thinking = parser.inReasoning();
        read(text.push(token.id()));
        if (thinking || parser.inReasoning()) {
            reasoningTokens++;
            unsentReasoningTokens++;
        }
        matchedStop = text.matchedStop().orElse(null);
        if (parser.isFull() && reading.toolCalls() != null) {
            matchedStop = reading.toolCalls().callEnd();
        }
        if (matchedStop != null) {
            stream.abort();
        } else if (tokens % streamInterval == (streamInterval == 1 ? 0 : 1)) {
            flush();
        }
    }

    private void finish(GenerationEvent.Finished finished) {
        ended = true;
        FinishReason reason = finished.reason();
        if (matchedStop == null) {
            read(text.finish(reason));
            matchedStop = text.matchedStop().orElse(null);
        }
        parser.finish();
        if (matchedStop != null) {
            reason = new FinishReason.StopString(matchedStop);
        }
        flush();
        boolean byItself = reason instanceof FinishReason.StopToken || reason instanceof FinishReason.StopString;
        var usage = new Usage(finished.promptTokens(), tokens, finished.cachedTokens(), reasoningTokens);
        ready.add(new TextEvent.Finished(
                index,
                reason,
                byItself && parser.callsTools(),
                usage,
                Duration.ofNanos(System.nanoTime() - startNanos)));
    }

    private void read(String piece) {
        unsentText.append(piece);
        parser.push(piece);
    }

    private void flush() {
        List<AnswerPart> parts = parser.take();
        if (!unsentTokens.isEmpty() || !unsentText.isEmpty() || !parts.isEmpty() || !unsentPrompt.isEmpty()) {
            ready.add(new TextEvent.Delta(
                    index,
                    unsentText.toString(),
                    parts,
                    List.copyOf(unsentTokens),
                    unsentReasoningTokens,
                    unsentPrompt));
            unsentPrompt = List.of();
            unsentReasoningTokens = 0;
            unsentText.setLength(0);
            unsentTokens = new ArrayList<>();
        }
    }
}
