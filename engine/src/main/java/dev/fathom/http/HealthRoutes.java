package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.engine.GenerationStream;
import dev.fathom.serve.Generator;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Whether the server is alive: by its word, and by a token. */
final class HealthRoutes {
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);
    private static final String ID = "HEALTH_CHECK_";

    private final Lifecycle lifecycle;
    private final Generator generator;
    private final Duration timeout;

    HealthRoutes(Lifecycle lifecycle, Generator generator, Duration timeout) {
        this.lifecycle = lifecycle;
        this.generator = generator;
        this.timeout = timeout;
    }

    void register(Routes routes) {
        routes.get("/health", this::health).get("/ping", this::health).get("/health_generate", this::healthGenerate);
    }

    private void health(ServerRequest request, ServerResponse response) {
        lifecycle.checkServing();
        if (!generator.healthy()) {
            throw new RequestException(
                    ErrorCode.UNAVAILABLE, "The engine has given up: the log says why. Restart the server.");
        }
        response.send();
    }

    /** Asks for one token. A step the engine makes meanwhile counts too: it may be busy with a long queue. */
    private void healthGenerate(ServerRequest request, ServerResponse response) {
        lifecycle.checkServing();
        long steps = generator.stats().steps();
        long deadline = System.nanoTime() + timeout.toNanos();
        try {
            GenerationStream probe = submit();
            boolean alive = false;
            while (!alive && System.nanoTime() < deadline) {
                alive = answered(probe) || generator.stats().steps() > steps;
            }
            if (probe != null) {
                probe.abort();
            }
            if (!alive) {
                throw new RequestException(
                        ErrorCode.UNAVAILABLE,
                        "The engine gave no sign of life within " + timeout.toSeconds() + " seconds.");
            }
            response.send();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("Interrupted while checking health", e);
        }
    }

    /** Null where the queue is full. */
    private @Nullable GenerationStream submit() {
        try {
            return generator.submit(
                    GenerationRequest.of(ID + System.nanoTime(), new int[] {0}, SamplingParams.greedy(1)));
        } catch (RequestException e) {
            if (e.code() == ErrorCode.QUEUE_FULL) {
                return null;
            }
            throw e;
        }
    }

    private static boolean answered(@Nullable GenerationStream probe) throws InterruptedException {
        if (probe == null) {
            Thread.sleep(LOOK_EVERY);
            return false;
        }
        return switch (probe.poll(LOOK_EVERY)) {
            case null -> false;
            case GenerationEvent.Prompt prompt -> true;
            case GenerationEvent.Token token -> true;
            case GenerationEvent.Finished finished -> true;
            case GenerationEvent.Failed failed -> throw failed.error();
        };
    }
}
