package dev.fathom.serve;

import dev.fathom.api.GenerationEvent;
import dev.fathom.text.answer.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The answer to one request while it is being written: one sequence, or several side by side.
 *
 * <p>Read by one thread; {@link #abort} may come from any. Closing it aborts what still runs, so that a reader that
 * leaves early, for whatever reason, leaves no work behind.
 */
public final class TextStream implements AutoCloseable {
    private final List<SequenceReader> readers;
    private final int[] promptTokens;
    private final Runnable onClose;
    private final BlockingQueue<TextEvent> merged;
    private int open;
    private boolean released;

    /** @param most events all sequences together can produce; bounds the merging queue without ever blocking a pump */
    TextStream(List<SequenceReader> readers, int[] promptTokens, int most, Runnable onClose) {
        this.readers = List.copyOf(readers);
        this.promptTokens = promptTokens.clone();
        this.onClose = onClose;
        this.open = readers.size();
        this.merged = new LinkedBlockingQueue<>(most);
        if (readers.size() > 1) {
            for (SequenceReader reader : readers) {
                Thread.ofVirtual().name("fathom-merge").start(() -> pump(reader));
            }
        }
    }

    /** Number of sequences: prompts times n. */
    public int size() {
        return readers.size();
    }

    /** The engine's ids of the sequences, in their order. */
    public List<String> ids() {
        return readers.stream().map(SequenceReader::id).toList();
    }

    public int promptTokens(int index) {
        return promptTokens[index];
    }

    /** Prompt tokens of a sequence that were taken from the prefix cache; 0 before its first event. */
    public int cachedTokens(int index) {
        return readers.get(index).cachedTokens();
    }

    /** The next event of any sequence, or null when all have ended. Waits for the engine. */
    public @Nullable TextEvent next() throws InterruptedException {
        if (open == 0) {
            return null;
        }
        TextEvent event = readers.size() == 1 ? readers.getFirst().next() : merged.take();
        if (!(event instanceof TextEvent.Delta) && --open == 0) {
            release(); // before the reader hears of the end, so that the id is free when the requester does
        }
        return event;
    }

    /** Reads everything. @throws RequestException if a sequence failed; the others are aborted */
    public List<TextResult> collect() throws InterruptedException {
        return collect(delta -> {});
    }

    /**
     * Reads everything.
     *
     * @param onDelta sees each piece as it arrives
     * @throws RequestException if a sequence failed; the others are aborted
     */
    public List<TextResult> collect(Consumer<TextEvent.Delta> onDelta) throws InterruptedException {
        var texts = new StringBuilder[size()];
        var answers = new Answer.Builder[size()];
        var prompts = new ArrayList<List<GenerationEvent.Token>>();
        var tokens = new ArrayList<List<GenerationEvent.Token>>();
        var results = new TextResult[size()];
        for (int i = 0; i < size(); i++) {
            texts[i] = new StringBuilder();
            answers[i] = new Answer.Builder();
            prompts.add(new ArrayList<>());
            tokens.add(new ArrayList<>());
        }
        for (TextEvent event = next(); event != null; event = next()) {
            int i = event.index();
            switch (event) {
                case TextEvent.Delta delta -> {
                    onDelta.accept(delta);
                    texts[i].append(delta.text());
                    answers[i].add(delta.parts());
                    prompts.get(i).addAll(delta.prompt());
                    tokens.get(i).addAll(delta.tokens());
                }
                case TextEvent.Finished finished ->
                    results[i] = new TextResult(
                            texts[i].toString(),
                            answers[i].build(),
                            List.copyOf(prompts.get(i)),
                            List.copyOf(tokens.get(i)),
                            finished.reason(),
                            finished.callsTools(),
                            finished.usage(),
                            finished.elapsed());
                case TextEvent.Failed failed -> {
                    abort();
                    throw failed.error();
                }
            }
        }
        return List.of(results);
    }

    /** Ends every sequence; each still reports its end. Does nothing to those that have ended. */
    public void abort() {
        readers.forEach(SequenceReader::abort);
    }

    @Override
    public void close() {
        if (open > 0) {
            abort();
        }
        release();
    }

    private void release() {
        if (!released) {
            released = true;
            onClose.run();
        }
    }

    private void pump(SequenceReader reader) {
        try {
            for (TextEvent event = reader.next(); event != null; event = reader.next()) {
                merged.add(event);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody interrupts a pump but the end of the JVM
        }
    }
}
