package dev.fathom.bench;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.vector.VectorBackend;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
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
 * Grouped-query attention at Llama-8B's widths (32 query heads share 8 cached ones, 128 wide): decode of one token, and
 * {@value #CHUNK} new tokens at the end of the same context. Multiply-adds of a call: decode 8192 * context, prefill
 * 8192 * CHUNK * (context - CHUNK / 2).
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GroupedAttentionBenchmark {
    private static final int CHUNK = 512;
    private static final int HEADS = 32;
    private static final int CACHED_HEADS = 8;
    private static final int WIDTH = 128;
    private static final float SCALE = 0.088f;

    @Param({"1024", "4096"})
    public int context;

    @Param("1")
    public int threads;

    private Arena arena;
    private VectorBackend kernels;
    private PagedKv kv;
    private AttentionBatch decode;
    private AttentionBatch prefill;
    private HeadView query;
    private HeadView out;

    @Setup
    public void open() {
        arena = Arena.ofShared();
        kernels = new VectorBackend(threads);
        BenchData data = new BenchData(arena);
        kv = PagedKv.allocate(KvShape.keysAndValues(1, CACHED_HEADS, WIDTH), KvFormat.BF16, context, arena);
        int[] slots = new int[context];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < context; i++) {
            int j = random.nextInt(i + 1);
            slots[i] = slots[j];
            slots[j] = i;
        }
        HeadView keys = HeadView.of(data.tensor(context, CACHED_HEADS * WIDTH), CACHED_HEADS);
        HeadView values = HeadView.of(data.tensor(context, CACHED_HEADS * WIDTH), CACHED_HEADS);
        kernels.storeKeysValues(keys, values, slots, kv, 0);
        decode = new AttentionBatch(new int[] {0, 1}, new int[] {context}, new int[][] {slots});
        prefill = new AttentionBatch(new int[] {0, CHUNK}, new int[] {context}, new int[][] {slots});
        query = HeadView.of(data.tensor(CHUNK, HEADS * WIDTH), HEADS);
        out = HeadView.of(data.tensor(CHUNK, HEADS * WIDTH), HEADS);
    }

    @TearDown
    public void close() {
        kernels.close();
        arena.close();
    }

    @Benchmark
    public HeadView decodeOneToken() {
        kernels.attendGrouped(query.rows(0, 1), decode, kv, 0, SCALE, out.rows(0, 1));
        return out;
    }

    @Benchmark
    public HeadView prefillAtTheEnd() {
        kernels.attendGrouped(query, prefill, kv, 0, SCALE, out);
        return out;
    }
}
