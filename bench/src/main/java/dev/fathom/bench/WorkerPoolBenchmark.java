package dev.fathom.bench;

import dev.fathom.kernels.WorkerPool;
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
import org.openjdk.jmh.infra.Blackhole;

/** The barrier: a run of parts that do next to nothing, one after another, so that workers never park. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class WorkerPoolBenchmark {
    @Param({"1", "2"})
    public int threads;

    private WorkerPool pool;

    @Setup
    public void open() {
        pool = new WorkerPool(threads, "bench-worker");
    }

    @TearDown
    public void close() {
        pool.close();
    }

    @Benchmark
    public void barrier() {
        pool.run(threads, (part, parts) -> Blackhole.consumeCPU(1));
    }
}
