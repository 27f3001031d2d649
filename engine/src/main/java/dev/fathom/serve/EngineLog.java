package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.engine.DecodeStats;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.PrefillStats;
import dev.fathom.engine.RequestTiming;
import dev.fathom.engine.StuckStep;
import java.lang.System.Logger;
import java.util.Locale;

/** Logs what the engine does in SGLang's words, which people's dashboards and scripts look for. */
public final class EngineLog implements EngineListener {
    private static final Logger LOG = System.getLogger("dev.fathom.engine");

    private final boolean timeStats;

    public EngineLog() {
        this(false);
    }

    /** @param timeStats whether each request's times are logged */
    public EngineLog(boolean timeStats) {
        this.timeStats = timeStats;
    }

    @Override
    public void prefill(PrefillStats stats) {
        LOG.log(
                Logger.Level.INFO,
                () -> String.format(
                        Locale.ROOT,
                        "Prefill batch. #new-seq: %d, #new-token: %d, #cached-token: %d, token usage: %.2f,"
                                + " #running-req: %d, #queue-req: %d",
                        stats.newSequences(),
                        stats.newTokens(),
                        stats.cachedTokens(),
                        stats.tokenUsage(),
                        stats.runningRequests(),
                        stats.queuedRequests()));
    }

    @Override
    public void decode(DecodeStats stats) {
        LOG.log(
                Logger.Level.INFO,
                () -> String.format(
                        Locale.ROOT,
                        "Decode batch. #running-req: %d, #token: %d, token usage: %.2f, gen throughput (token/s):"
                                + " %.2f, #queue-req: %d",
                        stats.runningRequests(),
                        stats.tokens(),
                        stats.tokenUsage(),
                        stats.tokensPerSecond(),
                        stats.queuedRequests()));
    }

    @Override
    public void finished(RequestTiming timing) {
        if (timeStats) {
            LOG.log(
                    Logger.Level.INFO,
                    () -> String.format(
                            Locale.ROOT,
                            "Req Time Stats(rid=%s, input len=%d, output len=%d, cached len=%d, type=unified):"
                                    + " queue_duration=%.2fms, first_token=%.2fms, total=%.2fms",
                            timing.id(),
                            timing.promptTokens(),
                            timing.completionTokens(),
                            timing.cachedTokens(),
                            timing.queueNanos() / 1e6,
                            timing.timeToFirstTokenNanos() / 1e6,
                            timing.totalNanos() / 1e6));
        }
    }

    @Override
    public void failed(String id, RequestException error) {
        Logger.Level level = switch (error.code()) {
            case INTERNAL -> Logger.Level.ERROR;
            case UNAVAILABLE -> Logger.Level.WARNING;
            default -> Logger.Level.DEBUG;
        };
        LOG.log(level, () -> "Request " + id + " failed: " + error.getMessage(), error);
    }

    @Override
    public void retracted(int requests) {
        LOG.log(
                Logger.Level.WARNING,
                "KV cache pool is full. Retract requests. #retracted_reqs: {0}",
                Integer.toString(requests));
    }

    @Override
    public void stuck(StuckStep step) {
        LOG.log(Logger.Level.ERROR, step::describe);
    }
}
