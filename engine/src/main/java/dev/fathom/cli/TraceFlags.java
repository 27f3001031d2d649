package dev.fathom.cli;

import dev.fathom.http.Tracing;
import java.net.URI;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether a collector of OpenTelemetry hears of requests, and where it is. */
final class TraceFlags {
    private static final String PATH = "/v1/traces";
    private static final int GRPC_PORT = 4317;

    @Option(
            names = "--enable-trace",
            description = "Tell a collector of OpenTelemetry the stages of each request, as spans.")
    private boolean enabled;

    @Option(
            names = "--otlp-traces-endpoint",
            paramLabel = "ADDRESS",
            description = "Where it takes OTLP over HTTP: host:port, or a whole address. Default: ${DEFAULT-VALUE}.")
    private String endpoint = "localhost:4318";

    /** Refuses a wrong address before a large model is loaded for nothing. */
    void check() {
        if (enabled) {
            address();
        }
    }

    /** Null where nobody is told. */
    @Nullable
    Tracing start(String service) {
        return enabled ? Tracing.to(address(), service, Main.Version.number()) : null;
    }

    private URI address() {
        String text = endpoint.contains("://") ? endpoint : "http://" + endpoint;
        URI given;
        try {
            given = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw wrong();
        }
        boolean http = "http".equals(given.getScheme()) || "https".equals(given.getScheme());
        if (!http || given.getHost() == null) {
            throw wrong();
        }
        if (given.getPort() == GRPC_PORT) {
            throw CliException.usage("--otlp-traces-endpoint " + endpoint + " is the port for gRPC, which is not"
                    + " supported in this version: give the one for HTTP, usually 4318.");
        }
        boolean whole = given.getPath() != null && given.getPath().length() > 1;
        return whole ? given : given.resolve(PATH);
    }

    private CliException wrong() {
        return CliException.usage("--otlp-traces-endpoint must be host:port or an http address, got " + endpoint + ".");
    }
}
