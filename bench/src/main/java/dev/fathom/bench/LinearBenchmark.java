package dev.fathom.bench;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * y = x Wᵀ by weight format, shape and rows of x. Several weights take turns, so that they come from memory and not from a
 * cache (but for processors whose last cache is larger than {@value #WORKING_SET_BYTES} bytes). A call reads outputs *
 * inputs weights of 4 to 0.56 bytes and does rows * outputs * inputs multiply-adds; {@code bench/ceiling.c} says what the
 * machine can do.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class LinearBenchmark {
    private static final long WORKING_SET_BYTES = 256L << 20;

    /** A name of {@link dev.fathom.tensor.DType} or of {@link dev.fathom.tensor.BlockFormat}. */
    @Param({"F32", "BF16", "F8_E4M3", "Q8_0", "Q4_K", "Q6_K"})
    public String format;

    /** Outputs x inputs. */
    @Param({"2048x2048", "7168x2048"})
    public String shape;

    @Param({"1", "8", "64", "512"})
    public int rows;

    @Param("1")
    public int threads;

    private Arena arena;
    private VectorBackend kernels;
    private LinearKernel[] linear;
    private Tensor x;
    private Tensor y;
    private int next;

    @Setup
    public void open() {
        arena = Arena.ofShared();
        kernels = new VectorBackend(threads);
        BenchData data = new BenchData(arena);
        int outputs = Integer.parseInt(shape.substring(0, shape.indexOf('x')));
        int inputs = Integer.parseInt(shape.substring(shape.indexOf('x') + 1));
        WeightMatrix first = data.weight(format, outputs, inputs);
        linear = new LinearKernel[Math.clamp(WORKING_SET_BYTES / first.bytes(), 2, 16)];
        linear[0] = kernels.bind(first);
        for (int i = 1; i < linear.length; i++) {
            linear[i] = kernels.bind(data.weight(format, outputs, inputs));
        }
        x = data.tensor(rows, inputs);
        y = data.tensor(rows, outputs);
    }

    @TearDown
    public void close() {
        kernels.close();
        arena.close();
    }

    @Benchmark
    public Tensor apply() {
        linear[next++ % linear.length].apply(x, y);
        return y;
    }
}
