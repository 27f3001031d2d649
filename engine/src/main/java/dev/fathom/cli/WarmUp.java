package dev.fathom.cli;

import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
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
 * Runs the engine until its code is compiled, so that the first user does not pay for that: rounds of requests, alone
 * and together, until neither gets faster.
 */
final class WarmUp {
    /** A round that is faster by less than this is no better. */
    private static final double GAIN = 1.05;
    /** So many rounds without a gain end it: compilation comes in steps. */
    private static final int PATIENCE = 3;

    private static final int TOKENS = 24;
    private static final int TOGETHER = 16;

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
     * @param complete     false where time ran out before it stopped getting faster
     */
    record Result(double seconds, int rounds, double decodeRate, double prefillRate, boolean complete) {}

    /** Told after each round how far it is, in [0, 1], and how fast the engine has become. */
    interface Progress {
        void round(double share, double decodeRate, double prefillRate);
    }

    /** @param limit when to stop at the latest; a round under way is aborted then */
    static Result run(LocalEngine local, Duration limit, Progress progress) throws InterruptedException {
        Engine engine = local.engine();
        long began = System.nanoTime();
        WarmUp warmUp = new WarmUp(
                engine,
                local.loaded().model().vocabularySize(),
                local.loaded().contextLength(),
                began + limit.toNanos());
        double decode = 0;
        double prefill = 0;
        double together = 0;
        int rounds = 0;
        int idle = 0;
        while (idle < PATIENCE && warmUp.timeIsLeft()) {
            Round alone = warmUp.round(1, 64);
            Round many = warmUp.round(TOGETHER, 40);
            boolean faster = alone.decodeRate > decode * GAIN
                    || many.prefillRate > prefill * GAIN
                    || many.decodeRate > together * GAIN;
            idle = faster ? 0 : idle + 1;
            decode = Math.max(decode, alone.decodeRate);
            prefill = Math.max(prefill, many.prefillRate);
            together = Math.max(together, many.decodeRate);
            rounds++;
            double elapsed = (System.nanoTime() - began) / 1e9;
            progress.round(Math.max(elapsed / (limit.toNanos() / 1e9), (double) idle / PATIENCE), decode, prefill);
        }
        engine.flushCache(); // random prompts are of no use to anybody
        return new Result((System.nanoTime() - began) / 1e9, rounds, decode, prefill, idle >= PATIENCE);
    }

    private boolean timeIsLeft() {
        return System.nanoTime() < deadline;
    }

    /** Rates of some requests run together, prompts of a length each; 0 where time ran out. */
    private record Round(double prefillRate, double decodeRate) {}

    private Round round(int sequences, int promptLength) throws InterruptedException {
        int length = Math.min(promptLength, contextLength - TOKENS - 1);
        long began = System.nanoTime();
        List<GenerationStream> streams = new ArrayList<>();
        for (int i = 0; i < sequences; i++) {
            streams.add(engine.submit(request(Math.max(1, length))));
        }
        long firstTokens = 0;
        long last = 0;
        long tokens = 0;
        for (GenerationStream stream : streams) {
            boolean first = true;
            for (GenerationEvent event = next(stream, streams);
                    event instanceof GenerationEvent.Token;
                    event = next(stream, streams)) {
                last = System.nanoTime();
                firstTokens = first ? Math.max(firstTokens, last) : firstTokens;
                tokens += first ? 0 : 1;
                first = false;
            }
        }
        double prefill = firstTokens == 0 ? 0 : (double) sequences * length / (firstTokens - began) * 1e9;
        double decode = last <= firstTokens ? 0 : tokens * 1e9 / (last - (sequences == 1 ? firstTokens : began));
        return new Round(prefill, decode);
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

    private GenerationRequest request(int promptLength) {
        int[] prompt = random.ints(promptLength, 0, vocabulary).toArray();
        SamplingParams sampling = new SamplingParams(
                Math.min(TOKENS, Math.max(1, contextLength - promptLength)),
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
