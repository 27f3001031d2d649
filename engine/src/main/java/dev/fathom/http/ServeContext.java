package dev.fathom.http;

import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;
import org.jspecify.annotations.Nullable;

/**
 * What the server serves.
 *
 * @param metrics also listens to the engine, see {@link ServerMetrics}
 * @param version Fathom's own version
 * @param tracing also listens to the engine; null where no requests are traced
 * @param crashes also listens to the engine; null where no requests are kept
 */
public record ServeContext(
        TextService text,
        Generator generator,
        ServerMetrics metrics,
        String version,
        @Nullable Tracing tracing,
        @Nullable CrashDump crashes) {
    public ServeContext(TextService text, Generator generator, ServerMetrics metrics, String version) {
        this(text, generator, metrics, version, null, null);
    }
}
