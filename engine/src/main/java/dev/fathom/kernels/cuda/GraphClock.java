package dev.fathom.kernels.cuda;

import java.util.Arrays;

/** Times a graph by the device's own clock. */
final class GraphClock {
    private static final int MOST_RUNS = 20;
    private static final double ENOUGH_SECONDS = 0.4;

    private final CudaDevice device;

    GraphClock(CudaDevice device) {
        this.device = device;
    }

    /** @return the median of some runs, after one that does not count */
    double seconds(long graph) {
        double first = once(graph);
        int runs = (int) Math.clamp(ENOUGH_SECONDS / Math.max(1e-6, first), 3, MOST_RUNS);
        double[] seconds = new double[runs];
        for (int run = 0; run < runs; run++) {
            seconds[run] = once(graph);
        }
        Arrays.sort(seconds);
        return seconds[runs / 2];
    }

    private double once(long graph) {
        CudaDriver driver = device.driver();
        long begin = driver.createEvent();
        long end = driver.createEvent();
        try {
            driver.recordEvent(begin, device.stream());
            driver.launchGraph(graph, device.stream());
            driver.recordEvent(end, device.stream());
            driver.synchronize(device.stream());
            return driver.secondsBetween(begin, end);
        } finally {
            driver.destroyEvent(begin);
            driver.destroyEvent(end);
        }
    }
}
