package dev.fathom.bench;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
 * Both attention forms at DeepSeek's widths (latent 512, rope 64; nope 128, value 128): decode of one token over the latent
 * cache, and {@value #CHUNK} new tokens over as many keys before them. Multiply-adds of a call: decode
 * heads * context * 1088, expanded heads * CHUNK * CHUNK * 320.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class AttentionBenchmark {
    private static final int CHUNK = 512;
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int NOPE = 128;
    private static final int VALUE = 128;
    private static final float SCALE = 0.07f;

    @Param({"16", "128"})
    public int heads;

    @Param("4096")
    public int context;

    @Param("1")
    public int threads;

    private Arena arena;
    private VectorBackend kernels;
    private PagedKv kv;
    private AttentionBatch decode;
    private HeadView latentQuery;
    private HeadView latentOut;
    private HeadView query;
    private HeadView keysValues;
    private Tensor ropeKeys;
    private HeadView out;
    private Tensor logSumExp;

    @Setup
    public void open() {
        arena = Arena.ofShared();
        kernels = new VectorBackend(threads);
        BenchData data = new BenchData(arena);
        SplittableRandom random = new SplittableRandom(1);
        kv = PagedKv.allocate(new KvShape(1, LATENT, ROPE), KvFormat.BF16, context, arena);
        MemorySegment layer = kv.layer(0);
        for (long at = 0; at < layer.byteSize(); at += 2) {
            layer.set(Codecs.LE_SHORT, at, Codecs.floatToBf16((float) random.nextGaussian()));
        }
        int[] slots = new int[context];
        for (int i = 0; i < context; i++) {
            int j = random.nextInt(i + 1);
            slots[i] = slots[j];
            slots[j] = i;
        }
        decode = new AttentionBatch(new int[] {0, 1}, new int[] {context}, new int[][] {slots});
        latentQuery = HeadView.of(data.tensor(1, heads * (LATENT + ROPE)), heads);
        latentOut = HeadView.of(data.tensor(1, heads * LATENT), heads);
        query = HeadView.of(data.tensor(CHUNK, heads * (NOPE + ROPE)), heads);
        keysValues = HeadView.of(data.tensor(CHUNK, heads * (NOPE + VALUE)), heads);
        ropeKeys = data.tensor(CHUNK, ROPE);
        out = HeadView.of(data.tensor(CHUNK, heads * VALUE), heads);
        logSumExp = data.tensor(CHUNK, heads);
    }

    @TearDown
    public void close() {
        kernels.close();
        arena.close();
    }

    @Benchmark
    public HeadView decodeOverLatentCache() {
        kernels.attendLatent(latentQuery, decode, kv, 0, SCALE, latentOut);
        return latentOut;
    }

    @Benchmark
    public HeadView expandedOverEarlierKeys() {
        logSumExp.fill(Float.NEGATIVE_INFINITY);
        kernels.attendExpanded(query, CHUNK, keysValues, ropeKeys, 0, SCALE, out, logSumExp);
        return out;
    }
}
