package dev.fathom.serve;

import dev.fathom.api.EngineStats;
import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.engine.GenerationStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A generator that says what a test tells it to. */
public final class ScriptedGenerator implements Generator {
    /** A script that leaves the request running without an event until somebody aborts it, like a long prefill. */
    public static final Function<GenerationRequest, List<GenerationEvent>> SILENT = request -> List.of();

    private final Function<GenerationRequest, List<GenerationEvent>> script;
    private final Map<String, Stream> running = new ConcurrentHashMap<>();
    public final List<GenerationRequest> submitted = new CopyOnWriteArrayList<>();
    private volatile boolean draining;
    public volatile int queueLimit = Integer.MAX_VALUE;
    private volatile long tokens;

    /** @param script all events of a request; without a last Finished or Failed it runs until it is aborted */
    public ScriptedGenerator(Function<GenerationRequest, List<GenerationEvent>> script) {
        this.script = script;
    }

    /** Every request gets these tokens and then this end. */
    public static ScriptedGenerator answering(int[] ids, FinishReason reason) {
        return new ScriptedGenerator(request -> events(request, ids, reason));
    }

    /** Every request gets this text of the nano model and its end token. */
    public static ScriptedGenerator saying(String text) {
        int[] ids = NanoText.tokenizer().encode(text);
        int[] ended = Arrays.copyOf(ids, ids.length + 1);
        ended[ids.length] = NanoText.EOS;
        return answering(ended, new FinishReason.StopToken(NanoText.EOS));
    }

    /** Every request gets these tokens and then waits. */
    public static ScriptedGenerator beginning(int... ids) {
        return new ScriptedGenerator(request -> tokens(ids));
    }

    public static List<GenerationEvent> events(GenerationRequest request, int[] ids, FinishReason reason) {
        List<GenerationEvent> events = tokens(ids);
        events.add(new GenerationEvent.Finished(reason, request.promptIds().length, ids.length, 0));
        return events;
    }

    public static List<GenerationEvent> tokens(int... ids) {
        List<GenerationEvent> events = new ArrayList<>();
        for (int id : ids) {
            events.add(new GenerationEvent.Token(id, -0.5f, List.of(new GenerationEvent.TokenLogprob(id, -0.5f))));
        }
        return events;
    }

    @Override
    public GenerationStream submit(GenerationRequest request) {
        if (draining) {
            throw new RequestException(ErrorCode.UNAVAILABLE, "The engine is shutting down.");
        }
        if (running.size() >= queueLimit) {
            throw RequestException.queueFull();
        }
        submitted.add(request);
        var stream = new Stream(request);
        running.put(request.id(), stream);
        script.apply(request).forEach(stream::put);
        return stream;
    }

    /** The stream of a running request, to say more on it. */
    public Stream running(String id) {
        Stream stream = running.get(id);
        if (stream == null) {
            throw new IllegalStateException("no running request " + id + ", there are " + running.keySet());
        }
        return stream;
    }

    public int runningRequests() {
        return running.size();
    }

    @Override
    public boolean flushCache() {
        return running.isEmpty();
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                running.size(), 0, 7, 7, 93, 100, 40, tokens, 10, 0, 0, 0, EngineStats.Retracted.NONE, 0, 0, 0.7, 12.5);
    }

    @Override
    public void pause() {
        throw new UnsupportedOperationException("a script has no steps to pause");
    }

    @Override
    public void resume() {
        throw new UnsupportedOperationException("a script has no steps to resume");
    }

    @Override
    public boolean healthy() {
        return true;
    }

    @Override
    public boolean drain(Duration timeout) throws InterruptedException {
        draining = true;
        long deadline = System.nanoTime() + timeout.toNanos();
        while (!running.isEmpty() && System.nanoTime() < deadline) {
            Thread.sleep(2);
        }
        return running.isEmpty();
    }

    /** One request's events. */
    public final class Stream implements GenerationStream {
        private final GenerationRequest request;
        private final LinkedBlockingQueue<GenerationEvent> events = new LinkedBlockingQueue<>();
        private boolean ended;

        Stream(GenerationRequest request) {
            this.request = request;
        }

        @Override
        public int cachedTokens() {
            return 0;
        }

        public synchronized void put(GenerationEvent event) {
            if (ended) {
                return;
            }
            events.add(event);
            if (event instanceof GenerationEvent.Token) {
                tokens++;
            } else {
                ended = true;
                running.remove(request.id());
            }
        }

        @Override
        public String id() {
            return request.id();
        }

        @Override
        public GenerationEvent take() throws InterruptedException {
            return events.take();
        }

        @Override
        public @Nullable GenerationEvent poll(Duration timeout) throws InterruptedException {
            return events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        }

        @Override
        public void abort() {
            put(new GenerationEvent.Finished(new FinishReason.Aborted("Aborted"), request.promptIds().length, 0, 0));
        }
    }
}
