package dev.fathom.engine;

import dev.fathom.api.EngineStats;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.cache.PrefixCache;
import dev.fathom.engine.Batch.Part;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the engine thread does: take requests in, plan a step, run it, sample, tell. It owns all state it names; other
 * threads see {@link #stats} and what goes through {@link Intake}. Events go out last in a step, when slots, counts and
 * statistics already say what the events say.
 */
final class EngineLoop implements Runnable {
    private final EngineConfig config;
    private final Intake intake;
    private final EngineListener listener;
    private final Watchdog watchdog;
    private final ModelRunner runner;
    private final PrefixCache cache;
    private final Scheduler scheduler;
    private final Sampler sampler;
    private final Counters counters = new Counters();
    private final Map<String, Sequence> sequences = new HashMap<>();
    private final List<Delivery> deliveries = new ArrayList<>();
    private long arrivals;
    private volatile EngineStats stats;

    private record Delivery(Submission to, GenerationEvent event) {}

    EngineLoop(
            EngineConfig config,
            int vocabulary,
            ModelRunner runner,
            Intake intake,
            Watchdog watchdog,
            EngineListener listener) {
        this.config = config;
        this.intake = intake;
        this.listener = listener;
        this.watchdog = watchdog;
        this.runner = runner;
        cache = PrefixCache.create(config.capacity(), config.pageSize(), config.radixCache());
        scheduler = new Scheduler(config, cache, vocabulary, System::nanoTime);
        sampler = new Sampler(vocabulary, config.endTokenIds());
        stats = counters.stats(scheduler, cache);
    }

    EngineStats stats() {
        return stats;
    }

    @Override
    public void run() {
        boolean orderly = false;
        try (watchdog;
                runner) {
            runner.begin();
            Intake.@Nullable Work work = intake.next(true);
            while (work != null) {
                cycle(work);
                work = intake.next(scheduler.isIdle());
            }
            orderly = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            orderly = true;
        } finally {
            end(orderly);
        }
    }

    private void end(boolean orderly) {
        try {
            if (!orderly) {
                listener.crashed();
            }
        } finally {
            // Does nothing after an orderly end; otherwise nobody is left waiting for an answer.
            intake.close(
                    Intake.internal("The engine stopped because of a defect; the server's log says which."),
                    Intake.unavailable("The engine has stopped because of a defect; restart the server."));
        }
    }

    private void cycle(Intake.Work work) {
        boolean wasIdle = scheduler.isIdle();
        receive(work);
        if (work.paused() || scheduler.isIdle()) {
            counters.idle();
            publish();
            deliver();
            return;
        }
        if (wasIdle) {
            counters.startRate(System.nanoTime());
        }
        long step = counters.step();
        watchdog.enter(step, "schedule", null);
        Scheduler.Plan plan = scheduler.next();
        announce(plan);
        watchdog.enter(step, "forward", plan.batch());
        StepTokens tokens = forward(step, plan.batch());
        if (tokens != null) {
            watchdog.enter(step, "sample", plan.batch());
            take(plan.batch(), tokens);
        }
        watchdog.leave();
        boolean decoded = plan.batch().decodeSequences() > 0;
        if (decoded && counters.decoded(config.decodeLogInterval(), System.nanoTime())) {
            listener.decode(new DecodeStats(
                    scheduler.runningCount(),
                    scheduler.heldTokens(),
                    usage(),
                    counters.rate(),
                    scheduler.waitingCount()));
        }
        if (scheduler.isIdle()) {
            counters.idle();
        }
        publish();
        deliver();
    }

    private void receive(Intake.Work work) {
        for (Submission submission : work.arrivals()) {
            Sequence sequence = new Sequence(submission, arrivals, Draw.bits(config.randomSeed(), arrivals));
            arrivals++;
            sequences.put(submission.id(), sequence);
            scheduler.add(sequence);
        }
        for (Submission submission : work.aborts()) {
            Sequence sequence = sequences.get(submission.id());
            if (sequence != null && sequence.submission().equals(submission)) {
                finish(sequence, new FinishReason.Aborted("The request was aborted."));
            }
        }
        work.flushes().forEach(flushed -> flushed.complete(flush()));
    }

    private boolean flush() {
        if (!scheduler.isIdle()) {
            return false;
        }
        cache.clear();
        publish();
        return true;
    }

    private void announce(Scheduler.Plan plan) {
        // From now on requests may come in for those that left the queue.
        intake.waiting(scheduler.waitingCount());
        counters.decodes(decodedTokens(plan.batch()));
        if (!plan.retracted().isEmpty()) {
            plan.retracted().forEach(counters::retracted);
            listener.retracted(plan.retracted().size());
        }
        if (plan.batch().prefillSequences() > 0) {
            listener.prefill(new PrefillStats(
                    plan.admitted(),
                    plan.batch().prefillTokens(),
                    plan.cachedTokens(),
                    usage(),
                    scheduler.runningCount() - plan.admitted(),
                    scheduler.waitingCount()));
        }
    }

    private static long decodedTokens(Batch batch) {
        return batch.parts().stream()
                .filter(part -> !part.prefill())
                .mapToLong(part -> part.sequence().size())
                .sum();
    }

    /** Null if the model failed, and with it every request of the batch. */
    private @Nullable StepTokens forward(long step, Batch batch) {
        try {
            return StepTokens.of(batch, runner.run(batch).logits(), runner);
        } catch (RuntimeException e) {
            for (Part part : batch.parts()) {
                fail(part.sequence(), new RequestException("The model failed in step " + step + ": " + e, e));
            }
            return null;
        }
    }

    private void take(Batch batch, StepTokens tokens) {
        int row = 0;
        for (Part part : batch.parts()) {
            int first = row;
            row += part.outputs();
            try {
                take(part, tokens, first);
            } catch (RequestException e) {
                fail(part.sequence(), e);
            }
        }
    }

    /** @param row  the part's first in the output */
    private void take(Part part, StepTokens tokens, int row) {
        Sequence sequence = part.sequence();
        int reported = part.reportedRows();
        explain(sequence, tokens, row, reported);
        if (part.samples()) {
            GenerationEvent.Token token = sample(sequence, tokens, row + reported);
            sequence.follow(token.id());
            computed(part);
            append(sequence, token);
        } else {
            computed(part);
            if (sequence.computed() == sequence.size()) {
                finish(sequence, new FinishReason.Length(sequence.generated()));
            }
        }
    }

    private void explain(Sequence sequence, StepTokens tokens, int row, int rows) {
        PromptReport report = sequence.report();
        if (report == null) {
            return;
        }
        Tensor logits = tokens.logits(row, rows);
        for (int i = 0; i < rows; i++) {
            report.add(sampler.explain(logits, i, sequence.request(), report.explained()));
        }
        GenerationEvent.Prompt complete = report.take();
        if (complete != null) {
            deliveries.add(new Delivery(sequence.submission(), complete));
        }
    }

    private GenerationEvent.Token sample(Sequence sequence, StepTokens tokens, int row) {
        int chosen = tokens.chosen(row);
        if (chosen >= 0) {
            return new GenerationEvent.Token(chosen, 0, List.of());
        }
        Tensor logits = tokens.logits(row, 1);
        int[] guided = sequence.guided();
        GenerationEvent.Token token = guided.length == 0
                ? sampler.sample(
                        logits,
                        0,
                        sequence.sampling(),
                        sequence.counts(),
                        sequence.generated(),
                        sequence.nextUniform(),
                        sequence.allowed())
                : sampler.take(logits, 0, sequence.sampling(), guided);
        return sequence.request().reports().ids().isEmpty()
                ? token
                : sampler.explain(logits, 0, sequence.request(), token.id());
    }

    private void computed(Part part) {
        scheduler.computed(part);
        if (part.sequence().generated() == 0 && part.to() == part.sequence().promptLength()) {
            counters.prompt(part.sequence());
        }
    }

    private void append(Sequence sequence, GenerationEvent.Token token) {
        sequence.append(token.id(), System.nanoTime());
        counters.token();
        deliveries.add(new Delivery(sequence.submission(), token));
        SamplingParams sampling = sequence.sampling();
        boolean ends = config.endTokenIds().contains(token.id())
                || sampling.stopTokenIds().contains(token.id());
        if (sequence.isConstraintEnded() || (ends && !sampling.ignoreEos())) {
            finish(sequence, new FinishReason.StopToken(token.id()));
        } else if (sequence.remaining() == 0) {
            finish(sequence, new FinishReason.Length(sequence.generated()));
        }
    }

    private void finish(Sequence sequence, FinishReason reason) {
        scheduler.end(sequence);
        sequences.remove(sequence.id());
        if (reason instanceof FinishReason.Aborted) {
            counters.aborted();
        } else {
            counters.finished();
        }
        listener.finished(sequence.timing(reason, System.nanoTime()));
        deliveries.add(new Delivery(sequence.submission(), sequence.finished(reason)));
    }

    private void fail(Sequence sequence, RequestException error) {
        scheduler.discard(sequence);
        sequences.remove(sequence.id());
        listener.failed(sequence.id(), error);
        deliveries.add(new Delivery(sequence.submission(), new GenerationEvent.Failed(error)));
    }

    private void publish() {
        intake.waiting(scheduler.waitingCount());
        stats = counters.stats(scheduler, cache);
    }

    private void deliver() {
        for (Delivery delivery : deliveries) {
            switch (delivery.event()) {
                case GenerationEvent.Prompt prompt -> delivery.to().stream().put(prompt);
                case GenerationEvent.Token token -> delivery.to().stream().put(token);
                case GenerationEvent.Finished finished -> intake.end(delivery.to(), finished);
                case GenerationEvent.Failed failed -> intake.end(delivery.to(), failed);
            }
        }
        deliveries.clear();
    }

    private double usage() {
        return (double) scheduler.heldTokens() / cache.totalTokens();
    }
}
