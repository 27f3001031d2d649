package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.engine.GenerationStream;
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
    private final int streamInterval;
    private final long startNanos = System.nanoTime();
    private final ArrayDeque<TextEvent> ready = new ArrayDeque<>();
    private final StringBuilder unsentText = new StringBuilder();
    private List<GenerationEvent.Token> unsentTokens = new ArrayList<>();
    private int tokens;
    private @Nullable String matchedStop;
    private boolean ended;

    /** @param streamInterval tokens a delta; the first token always makes one by itself */
    SequenceReader(int index, GenerationStream stream, SequenceText text, int streamInterval) {
        this.index = index;
        this.stream = stream;
        this.text = text;
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

    void abort() {
        stream.abort();
    }

    private void accept(GenerationEvent.Token token) {
        if (matchedStop != null) {
            return; // made before the engine saw the abort; not part of the answer
        }
        tokens++;
        unsentTokens.add(token);
        unsentText.append(text.push(token.id()));
        matchedStop = text.matchedStop().orElse(null);
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
            unsentText.append(text.finish(reason));
            matchedStop = text.matchedStop().orElse(null);
        }
        if (matchedStop != null) {
            reason = new FinishReason.StopString(matchedStop);
        }
        flush();
        var usage = new Usage(finished.promptTokens(), tokens, finished.cachedTokens());
        ready.add(new TextEvent.Finished(index, reason, usage, Duration.ofNanos(System.nanoTime() - startNanos)));
    }

    private void flush() {
        if (!unsentTokens.isEmpty() || !unsentText.isEmpty()) {
            ready.add(new TextEvent.Delta(index, unsentText.toString(), List.copyOf(unsentTokens)));
            unsentText.setLength(0);
            unsentTokens = new ArrayList<>();
        }
    }
}
