package dev.fathom.engine;

import static dev.fathom.engine.Engines.config;
import static dev.fathom.engine.Engines.ids;
import static dev.fathom.engine.Engines.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;

class PauseTest {
    @Test
    void computesNothingWhilePausedAndLosesNothing() throws InterruptedException {
        var steps = new Semaphore(3);
        try (Engine engine = Engines.start(config(400), step -> steps.acquireUninterruptibly())) {
            GenerationStream first = engine.submit(request("first", ids(10), 20));
            first.poll(Answers.PATIENCE);
            engine.pause();
            steps.release(1000);
            waitUntilStill(engine);
            long before = engine.stats().steps();
            GenerationStream second = engine.submit(request("second", ids(12), 5));
            GenerationStream third = engine.submit(request("third", ids(7), 5));
            third.abort();
            Answers.Answer aborted = Answers.take(third);
            assertThat(aborted.reason()).isInstanceOf(FinishReason.Aborted.class);
            assertThat(engine.isPaused()).isTrue();
            assertThat(engine.flushCache()).isFalse();
            assertThat(engine.stats().steps()).isEqualTo(before);
            engine.resume();
            Answers.Answer rest = Answers.take(first);
            Answers.Answer alone =
                    Answers.alone(ids(10), request("x", ids(10), 20).sampling(), 20, Set.of());
            assertThat(rest.tokens()).isEqualTo(alone.tokens().subList(1, 20));
            assertThat(Answers.take(second).tokens()).hasSize(5);
        }
    }

    @Test
    void endsAPauseByDrainingAndByClosing() throws InterruptedException {
        Engine engine = Engines.start(config(400), step -> {});
        engine.pause();
        GenerationStream drained = engine.submit(request("drained", ids(10), 4));
        assertThat(engine.drain(Answers.PATIENCE)).isTrue();
        assertThat(Answers.take(drained).tokens()).hasSize(4);
        engine.close();

        Engine closed = Engines.start(config(400), step -> {});
        closed.pause();
        GenerationStream open = closed.submit(request("open", ids(10), 4));
        closed.close();
        assertThat(Objects.requireNonNull(open.poll(Answers.PATIENCE))).isInstanceOf(GenerationEvent.Failed.class);
    }

    /** The step that ran when the pause came is done, and no other has begun. */
    private static void waitUntilStill(Engine engine) throws InterruptedException {
        long last = -1;
        while (last != engine.stats().steps()) {
            last = engine.stats().steps();
            Thread.sleep(Duration.ofMillis(300));
        }
    }
}
