package dev.fathom.serve;

import dev.fathom.api.EngineStats;
import dev.fathom.api.GenerationRequest;
import dev.fathom.engine.Engine;
import dev.fathom.engine.GenerationStream;
import java.time.Duration;

/** What the text side needs of an engine: tokens in, tokens out. The engine is one; tests bring scripted ones. */
public interface Generator {
    /** @throws dev.fathom.api.RequestException when the request cannot be taken, see {@link Engine#submit} */
    GenerationStream submit(GenerationRequest request);

    /** Empties the prefix cache; false, and nothing happens, while requests run or wait. */
    boolean flushCache();

    EngineStats stats();

    /** Computes nothing until {@link #resume}; requests wait. */
    void pause();

    void resume();

    /** Whether the engine's thread works; false for good once it has given up. */
    boolean healthy();

    /**
     * Refuses new requests from now on and waits for the running ones to end.
     *
     * @return whether all ended within {@code timeout}
     */
    boolean drain(Duration timeout) throws InterruptedException;

    static Generator of(Engine engine) {
        return new Generator() {
            @Override
            public GenerationStream submit(GenerationRequest request) {
                return engine.submit(request);
            }

            @Override
            public boolean flushCache() {
                return engine.flushCache();
            }

            @Override
            public EngineStats stats() {
                return engine.stats();
            }

            @Override
            public void pause() {
                engine.pause();
            }

            @Override
            public void resume() {
                engine.resume();
            }

            @Override
            public boolean healthy() {
                return engine.healthy();
            }

            @Override
            public boolean drain(Duration timeout) throws InterruptedException {
                return engine.drain(timeout);
            }
        };
    }
}
