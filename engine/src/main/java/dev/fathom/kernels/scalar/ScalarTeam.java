package dev.fathom.kernels.scalar;

import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.WorkerPool;
import java.util.Arrays;

/** The worker pool with a float and a double buffer for each part, grown on demand: parts never share one. */
final class ScalarTeam implements AutoCloseable {
    /** Multiply-adds below which waking another thread costs more than it saves. */
    private static final long SMALLEST_SHARE = 20_000;

    private final WorkerPool pool;
    private final float[][] floats;
    private final double[][] doubles;

    ScalarTeam(int threads, CpuBinding binding) {
        pool = new WorkerPool(threads, "fathom-kernel", binding);
        floats = new float[threads][0];
        doubles = new double[threads][0];
    }

    void bindCaller() {
        pool.bindCaller();
    }

    int threads() {
        return pool.threads();
    }

    /** How many parts an operation of {@code units} independent units and {@code work} multiply-adds is worth. */
    int parts(long units, long work) {
        return (int) Math.max(1, Math.min(Math.min(pool.threads(), units), work / SMALLEST_SHARE));
    }

    void run(int parts, WorkerPool.PartTask task) {
        pool.run(parts, task);
    }

    /** At least {@code length} numbers, content unspecified. */
    float[] floats(int part, int length) {
        if (floats[part].length < length) {
            floats[part] = new float[length];
        }
        return floats[part];
    }

    double[] doubles(int part, int length) {
        if (doubles[part].length < length) {
            doubles[part] = Arrays.copyOf(doubles[part], Math.max(length, 2 * doubles[part].length));
        }
        return doubles[part];
    }

    /** First of {@code units} that part {@code part} of {@code parts} owns. */
    static int share(int units, int part, int parts) {
        return (int) ((long) units * part / parts);
    }

    @Override
    public void close() {
        pool.close();
    }
}
