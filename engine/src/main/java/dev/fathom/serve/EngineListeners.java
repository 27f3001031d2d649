package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.engine.DecodeStats;
import dev.fathom.engine.EngineListener;
import dev.fathom.engine.PrefillStats;
import dev.fathom.engine.RequestTiming;
import dev.fathom.engine.StuckStep;
import java.util.List;

/** Several listeners as one, told in order. */
public record EngineListeners(List<EngineListener> all) implements EngineListener {
    public EngineListeners {
        all = List.copyOf(all);
    }

    @Override
    public void prefill(PrefillStats stats) {
        all.forEach(listener -> listener.prefill(stats));
    }

    @Override
    public void decode(DecodeStats stats) {
        all.forEach(listener -> listener.decode(stats));
    }

    @Override
    public void finished(RequestTiming timing) {
        all.forEach(listener -> listener.finished(timing));
    }

    @Override
    public void failed(String id, RequestException error) {
        all.forEach(listener -> listener.failed(id, error));
    }

    @Override
    public void retracted(int requests) {
        all.forEach(listener -> listener.retracted(requests));
    }

    @Override
    public void stuck(StuckStep step) {
        all.forEach(listener -> listener.stuck(step));
    }

    @Override
    public void crashed() {
        all.forEach(EngineListener::crashed);
    }
}
