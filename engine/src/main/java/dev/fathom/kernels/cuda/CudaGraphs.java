package dev.fathom.kernels.cuda;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Steps that came before, as graphs. A list of launches that comes a second time is captured; from then on the same list is one
 * launch. Since lists are compared number by number, a graph never does anything but what the list says: nothing has to be
 * declared stale when memory moves or a batch changes.
 */
final class CudaGraphs implements AutoCloseable {
    /** Batch sizes times lengths of contexts by powers of two. */
    private static final int MOST = 512;

    private final CudaDevice device;
    private final Map<Long, Step> steps = new LinkedHashMap<>(16, 0.75f, true);

    CudaGraphs(CudaDevice device) {
        this.device = device;
    }

    /** @param graph  the driver's CUgraphExec; 0 before it comes again */
    private record Step(long[] numbers, long graph) {}

    /** @param now  makes the launches */
    void run(LaunchList launches, Runnable now) {
        long hash = launches.hash();
        Step step = steps.get(hash);
        if (step == null || !launches.sameAs(step.numbers)) {
            forget(step);
            steps.put(hash, new Step(launches.copy(), 0));
            trim();
            now.run();
            return;
        }
        if (step.graph == 0) {
            step = new Step(step.numbers, capture(now));
            steps.put(hash, step);
        }
        device.driver().launchGraph(step.graph, device.stream());
    }

    /** The launches that {@code now} makes, as the driver's CUgraphExec. */
    long capture(Runnable now) {
        CudaDriver driver = device.driver();
        driver.beginCapture(device.stream());
        boolean captured = false;
        try {
            now.run();
            captured = true;
        } finally {
            if (!captured) {
                driver.abandonCapture(device.stream());
            }
        }
        long graph = driver.endCapture(device.stream());
        try {
            return driver.instantiate(graph);
        } finally {
            driver.destroyGraph(graph);
        }
    }

    private void trim() {
        if (steps.size() > MOST) {
            List<Long> oldest = new ArrayList<>(steps.keySet()).subList(0, MOST / 4);
            oldest.forEach(hash -> forget(steps.remove(hash)));
        }
    }

    private void forget(@Nullable Step step) {
        if (step != null && step.graph != 0) {
            device.driver().destroyExecutable(step.graph);
        }
    }

    @Override
    public void close() {
        device.enter();
        steps.values().forEach(this::forget);
        steps.clear();
    }
}
