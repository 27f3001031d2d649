package dev.fathom.http;

import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;

/**
 * What the server serves.
 *
 * @param metrics also listens to the engine, see {@link ServerMetrics}
 * @param version Fathom's own version
 */
public record ServeContext(TextService text, Generator generator, ServerMetrics metrics, String version) {}
