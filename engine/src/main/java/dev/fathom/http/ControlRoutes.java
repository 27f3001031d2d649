package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.Generator;
import dev.fathom.serve.TextService;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.node.JsonNodeFactory;

/** Pausing, profiling and the request log: what an operator asks of a server that goes on running. */
final class ControlRoutes {
    private final TextService text;
    private final Generator generator;
    private final JsonBody body;
    private final RequestLog log;
    private final Profiler profiler;

    ControlRoutes(HttpConfig config, ServeContext context, JsonBody body, RequestLog log) {
        this.text = context.text();
        this.generator = context.generator();
        this.body = body;
        this.log = log;
        this.profiler = new Profiler(config.profileFolder());
    }

    void register(Routes routes) {
        routes.post("/pause_generation", this::pause)
                .post("/continue_generation", this::resume)
                .getAndPost("/configure_logging", this::configureLogging)
                .getAndPost("/start_profile", this::startProfile)
                .getAndPost("/stop_profile", this::stopProfile)
                .getAndPost("/freeze_gc", this::freezeGc);
    }

    private void pause(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.readOrEmpty(request);
        String mode = fields.text("mode");
        fields.end();
        switch (mode == null ? "abort" : mode) {
            case "abort" -> {
                generator.pause();
                text.abortAll();
            }
            case "in_place" -> generator.pause();
            case "retract" ->
                throw RequestException.notSupported(
                        "mode",
                        "mode retract is not supported: use in_place, where requests keep their place, or abort.");
            default ->
                throw RequestException.invalid(
                        "mode", "mode must be abort (the default) or in_place, got \"" + mode + "\".");
        }
        ok(response, "Generation paused successfully.");
    }

    private void resume(ServerRequest request, ServerResponse response) {
        body.readOrEmpty(request).end();
        generator.resume();
        ok(response, "Generation continued successfully.");
    }

    private void configureLogging(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.readOrEmpty(request);
        Boolean enabled = fields.flag("log_requests");
        Integer level = fields.integer("log_requests_level");
        fields.refuse("log_requests_format", "dump_requests_folder", "dump_requests_threshold", "crash_dump_folder");
        fields.end();
        log.configure(enabled, level);
        response.send();
    }

    private void startProfile(ServerRequest request, ServerResponse response) {
        JsonFields fields = body.readOrEmpty(request);
        String folder = fields.text("output_dir");
        // What PyTorch's profiler is told to record; a flight recording has it all, or has no such thing.
        fields.accept("activities", "with_stack", "record_shapes");
        fields.refuse(
                "num_steps",
                "start_step",
                "profile_by_stage",
                "profile_stages",
                "merge_profiles",
                "profile_id",
                "profile_prefix");
        fields.end();
        plain(response, "Start profiling.\nRecording to " + profiler.start(folder) + "\n");
    }

    private void stopProfile(ServerRequest request, ServerResponse response) {
        plain(response, "Stop profiling.\nThe recording is " + profiler.stop() + "\n");
    }

    private void freezeGc(ServerRequest request, ServerResponse response) {
        plain(response, "There is nothing to freeze: the JVM's collector does not stop for what has become old.\n");
    }

    private static void ok(ServerResponse response, String message) {
        response.header(HeaderValues.CONTENT_TYPE_JSON)
                .send(JsonNodeFactory.instance
                        .objectNode()
                        .put("status", "ok")
                        .put("message", message)
                        .toString()
                        .getBytes(StandardCharsets.UTF_8));
    }

    private static void plain(ServerResponse response, String message) {
        response.header(HeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8").send(message);
    }
}
