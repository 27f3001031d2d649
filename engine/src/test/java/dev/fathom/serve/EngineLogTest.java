package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.engine.DecodeStats;
import dev.fathom.engine.PrefillStats;
import dev.fathom.engine.RequestTiming;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EngineLogTest {
    private final Logger logger = Logger.getLogger("dev.fathom.engine");
    private final List<String> lines = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            lines.add(entry.getLevel() + " " + new SimpleFormatter().formatMessage(entry));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void listen() {
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void leave() {
        logger.removeHandler(handler);
        logger.setUseParentHandlers(true);
    }

    @Test
    void speaksSglangsWords() {
        var log = new EngineLog();
        log.prefill(new PrefillStats(2, 300, 128, 0.25, 1, 4));
        log.decode(new DecodeStats(3, 512, 0.5, 1234.5, 0));
        log.retracted(2);
        assertThat(lines)
                .containsExactly(
                        "INFO Prefill batch. #new-seq: 2, #new-token: 300, #cached-token: 128, token usage: 0.25,"
                                + " #running-req: 1, #queue-req: 4",
                        "INFO Decode batch. #running-req: 3, #token: 512, token usage: 0.50, gen throughput (token/s):"
                                + " 1234.50, #queue-req: 0",
                        "WARNING KV cache pool is full. Retract requests. #retracted_reqs: 2");
    }

    @Test
    void logsTheTimesOfARequestWhereItIsToldTo() {
        var timing =
                new RequestTiming("r", 0, 1_500_000, 20_000_000, 123_456_789, 12, 5, 4, new FinishReason.Length(5));
        new EngineLog(false).finished(timing);
        assertThat(lines).isEmpty();
        new EngineLog(true).finished(timing);
        assertThat(lines)
                .containsExactly("INFO Req Time Stats(rid=r, input len=12, output len=5, cached len=4, type=unified):"
                        + " queue_duration=1.50ms, first_token=20.00ms, total=123.46ms");
    }

    @Test
    void isLoudOnlyAboutOurOwnFailures() {
        var log = new EngineLog();
        log.failed("a", new RequestException("The step broke.", new IllegalStateException("why")));
        log.failed("b", RequestException.queueFull());
        log.failed("c", new RequestException(ErrorCode.UNAVAILABLE, "Closed."));
        assertThat(lines)
                .containsExactly("SEVERE Request a failed: The step broke.", "WARNING Request c failed: Closed.");
        assertThat(logger.isLoggable(Level.FINE)).isFalse();
    }
}
