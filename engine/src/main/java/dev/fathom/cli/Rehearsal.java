package dev.fathom.cli;

import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.kernels.KvFormat;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.SmallModel;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A warm-up on a small random model of the same architecture and number formats, while the real one is being loaded: its
 * steps are short even before the JIT has compiled them, where a step of a large model would take minutes.
 */
final class Rehearsal {
    private static final Logger LOG = Logger.getLogger(Rehearsal.class.getName());
    private static final int CACHE_TOKENS = 4096;
    /** What is still being compiled then is left to the rounds on the real model. */
    private static final double QUIET = 1;

    private final Thread thread;
    private volatile WarmUp.@Nullable Result result;

    private Rehearsal(LoadOptions options, KvFormat kvFormat, Duration limit) {
        thread = Thread.ofPlatform()
                .name("fathom-rehearsal")
                .daemon(true)
                .unstarted(() -> run(options, kvFormat, limit));
    }

    /** @param limit when it ends at the latest */
    static Rehearsal start(LoadOptions options, KvFormat kvFormat, Duration limit) {
        Rehearsal rehearsal = new Rehearsal(options, kvFormat, limit);
        rehearsal.thread.start();
        return rehearsal;
    }

    private void run(LoadOptions options, KvFormat kvFormat, Duration limit) {
        EngineConfig config = EngineConfig.defaults(CACHE_TOKENS, Set.of()).withKvFormat(kvFormat);
        try (SmallModel small = SmallModel.of(options);
                Engine engine = Engine.start(
                        small.model(), small.kernels(), Communicator.single(), config, EngineListener.none())) {
            int vocabulary = small.model().vocabularySize();
            result = WarmUp.run(engine, vocabulary, CACHE_TOKENS, QUIET, limit, (share, decodeRate, prefillRate) -> {});
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            // What is wrong with the model is said by whoever loads it; without a rehearsal the start is slower, no
            // more.
            LOG.log(Level.FINE, "The rehearsal on a small model ended early.", e);
        }
    }

    /** Waits at most {@code longest} for its end, and says whether it has ended. */
    boolean ended(Duration longest) throws InterruptedException {
        return thread.join(longest);
    }

    /** Empty until it has ended, and where it failed. */
    Optional<WarmUp.Result> result() {
        return Optional.ofNullable(result);
    }
}
