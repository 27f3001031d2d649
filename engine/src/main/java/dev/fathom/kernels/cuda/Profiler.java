package dev.fathom.kernels.cuda;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures what each kind of launch of a recorded step takes. Those that read weights or a cache are left out: made twice, they
 * would find it in the second-level cache. All others are made twice: without them later launches would work on other numbers, or
 * anywhere in memory.
 */
final class Profiler {
    private final Player player;

    /** Plays a step back. */
    @FunctionalInterface
    interface Player {
        /** @return seconds of a step of which each kind of launch is made so often */
        double seconds(LaunchList launches, LaunchList.Times times);
    }

    Profiler(Player player) {
        this.player = player;
    }

    private record Key(String kernel, Grid grid) {}

    private record Sum(int launches, Work work) {}

    StepProfile profile(LaunchList launches) {
        Map<Key, Sum> sums = new LinkedHashMap<>();
        launches.visit((kernel, grid, work) -> sums.merge(
                new Key(kernel.name(), grid),
                new Sum(1, work),
                (a, b) -> new Sum(a.launches + b.launches, a.work.plus(b.work))));
        double whole = player.seconds(launches, (kernel, grid) -> 1);
        List<StepProfile.Kind> kinds = sums.entrySet().stream()
                .map(entry -> kind(launches, entry.getKey(), entry.getValue(), whole))
                .toList();
        return new StepProfile(
                whole, sums.values().stream().mapToInt(Sum::launches).sum(), kinds);
    }

    private StepProfile.Kind kind(LaunchList launches, Key key, Sum sum, double whole) {
        boolean reads = sum.work.bytes() > 0;
        int instead = reads ? 0 : 2;
        double other =
                player.seconds(launches, (kernel, grid) -> key.equals(new Key(kernel.name(), grid)) ? instead : 1);
        return new StepProfile.Kind(
                key.kernel,
                text(key.grid),
                sum.launches,
                Math.max(0, reads ? whole - other : other - whole),
                sum.work.bytes(),
                sum.work.operations());
    }

    private static String text(Grid grid) {
        return grid.x() + "x" + grid.y() + "x" + grid.z() + " of " + grid.threads();
    }

    /** The launches of a step are made once, and then timed. */
    static StepProfile profile(Runnable step, CudaDevice device, CudaGraphs graphs, Launch launch) {
        List<StepProfile> profiles = new ArrayList<>();
        launch.profile(launches -> {
            launches.forEach(launch::now);
            profiles.add(new Profiler(on(device, graphs, launch::now)).profile(launches));
        });
        try {
            step.run();
        } finally {
            launch.profile(null);
        }
        return profiles.stream()
                .max(Comparator.comparingInt(StepProfile::launches))
                .orElseThrow(() -> new IllegalArgumentException("a step without launches has no profile"));
    }

    /** Plays launches back as graphs on a device. */
    static Player on(CudaDevice device, CudaGraphs graphs, LaunchList.Runner runner) {
        return (launches, times) -> {
            long graph = graphs.capture(() -> launches.forEach(runner, times));
            try {
                return new GraphClock(device).seconds(graph);
            } finally {
                device.driver().destroyExecutable(graph);
            }
        };
    }
}
