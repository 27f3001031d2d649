package dev.fathom.cli;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.engine.Engine;
import dev.fathom.engine.GenerationStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Runs an engine until its code is compiled, so that the first user does not pay for that: rounds of requests, alone and
 * together, until the JIT compilers have little left to do. Rounds start small and grow while they are short, so that a
 * large model does not spend minutes on them.
 */
final class WarmUp {
    /** Compilers that need less than this share of a processor are no longer in the way. */
    static final double QUIET = 0.35;

    /** How busy they are is looked at over at least this long (s). */
    private static final double WINDOW = 0.2;
    /** A round grows while it takes less (s). */
    private static final double SHORT = 0.25;

    private static final int SMALLEST = 1;
    /** Prompt tokens of a round's requests are eight times its size, completion tokens six times, requests four times. */
    private static final int LARGEST = 4;

    private final Engine engine;
    private final int vocabulary;
    private final int contextLength;
    private final long deadline;
    private final SplittableRandom random = new SplittableRandom(1);
    private int requests;

    private WarmUp(Engine engine, int vocabulary, int contextLength, long deadline) {
        this.engine = engine;
        this.vocabulary = vocabulary;
        this.contextLength = contextLength;
        this.deadline = deadline;
    }

    /**
     * How it went.
     *
     * @param decodeRate   tokens a second of one sequence, at the best
     * @param prefillRate  prompt tokens a second, at the best
     * @param complete     false where time ran out while much was still being compiled
     */
    record Result(double seconds, int rounds, double decodeRate, double prefillRate, boolean complete) {}

    /** Told after each round how far it is, in [0, 1], and how fast the engine has become. */
    interface Progress {
        void round(double share, double decodeRate, double prefillRate);
    }

    /** Warms up what will serve. */
    static Result run(LocalEngine local, Duration limit, Progress progress) throws InterruptedException {
        return run(
                local.engine(),
                local.loaded().model().vocabularySize(),
                local.loaded().contextLength(),
                QUIET,
                limit,
                progress);
    }

    /**
     * @param vocabulary  token ids are drawn below this
     * @param quiet       the share of a processor that compilers may still need at the end
     * @param limit       when to stop at the latest; a round under way is aborted then
     */
    static Result run(Engine engine, int vocabulary, int contextLength, double quiet, Duration limit, Progress progress)
            throws InterruptedException {
        long began = System.nanoTime();
        WarmUp warmUp = new WarmUp(engine, vocabulary, contextLength, began + limit.toNanos());
        CompilerLoad compilers = new CompilerLoad();
        double decode = 0;
        double prefill = 0;
        int rounds = 0;
        int size = SMALLEST;
        double load = Double.POSITIVE_INFINITY;
        while (load > quiet && warmUp.timeIsLeft()) {
            long start = System.nanoTime();
            Round alone = warmUp.round(1, size);
            Round many = warmUp.round(4 * size, size);
            decode = Math.max(decode, alone.decodeRate);
            prefill = Math.max(prefill, many.prefillRate);
            rounds++;
            if (secondsSince(start) < SHORT && size < LARGEST) {
                size *= 2;
            } else if (compilers.secondsSinceLast() >= WINDOW) {
                load = compilers.sinceLast();
            }
            progress.round(Math.max(secondsSince(began) / (limit.toNanos() / 1e9), quiet / load), decode, prefill);
        }
        engine.flushCache(); // random prompts are of no use to anybody
        return new Result(secondsSince(began), rounds, decode, prefill, load <= quiet);
    }

    private static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e9;
    }

    private boolean timeIsLeft() {
        return System.nanoTime() < deadline;
    }

    /** Rates of some requests run together; 0 where time ran out. */
    private record Round(double prefillRate, double decodeRate) {}

    private Round round(int sequences, int size) throws InterruptedException {
        int tokens = Math.clamp(contextLength / 2, 1, 6 * size);
        int length = Math.clamp(contextLength - tokens - 1, 1, 8 * size);
        long began = System.nanoTime();
        List<GenerationStream> streams = new ArrayList<>();
        while (streams.size() < sequences && submit(request(length, tokens), streams)) {}
        long firstTokens = 0;
        long last = 0;
        long decoded = 0;
        for (GenerationStream stream : streams) {
            boolean first = true;
            for (GenerationEvent event = next(stream, streams);
                    event instanceof GenerationEvent.Token;
                    event = next(stream, streams)) {
                last = System.nanoTime();
                firstTokens = first ? Math.max(firstTokens, last) : firstTokens;
                decoded += first ? 0 : 1;
                first = false;
            }
        }
        double prefill = firstTokens == 0 ? 0 : (double) streams.size() * length / (firstTokens - began) * 1e9;
        // From the start: whoever reads the stream may see the first token no earlier than the last.
        double decode = last == 0 ? 0 : decoded * 1e9 / (last - began);
        return new Round(prefill, decode);
    }

    /** Whether there was room for it: {@code --max-queued-requests} may leave little, and users may have taken it. */
    private boolean submit(GenerationRequest request, List<GenerationStream> streams) {
        try {
            return streams.add(engine.submit(request));
        } catch (RequestException e) {
            if (e.code() == ErrorCode.QUEUE_FULL) {
                return false;
            }
            throw e;
        }
    }

    /** The next event; ends all streams where time has run out, which takes the engine one step. */
    private GenerationEvent next(GenerationStream stream, List<GenerationStream> all) throws InterruptedException {
        GenerationEvent event = stream.poll(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
        if (event == null) {
            all.forEach(GenerationStream::abort);
            event = stream.take();
        }
        if (event instanceof GenerationEvent.Failed failed) {
            throw failed.error();
        }
        return event;
    }

    private GenerationRequest request(int promptLength, int tokens) {
        int[] prompt = random.ints(promptLength, 0, vocabulary).toArray();
        SamplingParams sampling = new SamplingParams(
                tokens,
                0,
                0.8f, // not greedy: the sampler is compiled too
                0.95f,
                -1,
                0,
                0,
                0,
                1,
                Map.of(),
                OptionalLong.of(1),
                Set.of(),
                true,
                false,
                0);
        return GenerationRequest.of("warm-up-" + requests++, prompt, sampling);
    }
}
