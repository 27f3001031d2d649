package dev.fathom.http;

import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import io.helidon.webserver.http.ServerRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Who hears of requests that generate: the request log, the trace, what is kept for a crash.
 *
 * @param tracing null where requests are not traced
 * @param crashes null where requests are not kept
 */
record Observers(
        RequestLog log, @Nullable Tracing tracing, @Nullable CrashDump crashes) {

    /** A request begins to be answered. */
    Observation begin(ServerRequest request, String id, JsonFields fields) {
        String path = request.path().path();
        var answers = new AnswerRecord(log.showsTexts() || crashes != null);
        return new Observation(
                answers,
                log.begin(id, path, fields.object()),
                tracing == null ? null : tracing.begin(request),
                crashes == null ? null : crashes.begin(id, path, fields.object(), answers));
    }

    /** What is heard of one request. Used by one thread at a time. */
    final class Observation {
        private final AnswerRecord answers;
        private final @Nullable ObjectNode logged;
        private final @Nullable RequestTrace trace;
        private final CrashDump.@Nullable Kept kept;

        private Observation(
                AnswerRecord answers,
                @Nullable ObjectNode logged,
                @Nullable RequestTrace trace,
                CrashDump.@Nullable Kept kept) {
            this.answers = answers;
            this.logged = logged;
            this.trace = trace;
            this.kept = kept;
        }

        /** The engine has it. */
        void submitted(TextStream answer) {
            if (trace != null) {
                trace.submitted(answer);
            }
        }

        void add(TextEvent.Delta delta) {
            answers.add(delta);
        }

        void add(TextEvent.Finished finished) {
            answers.add(finished);
        }

        void add(List<TextResult> results) {
            answers.add(results);
        }

        /** It has been answered, or has failed or been left. */
        void end(@Nullable Throwable failure) {
            if (failure != null) {
                answers.failed(failure);
                if (trace != null) {
                    trace.failed(failure);
                }
            }
            if (kept != null) {
                kept.end();
            }
            if (logged != null) {
                log.end(logged, answers);
            }
            if (trace != null) {
                trace.end();
            }
        }
    }
}
