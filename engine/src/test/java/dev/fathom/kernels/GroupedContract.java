package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A cache of keys and values, and grouped-query attention over it. */
abstract class GroupedContract extends AttentionContract {
    private static final int SLOTS = 2800;

    /** Contexts around the borders of blocks and of longer runs of keys, queries at their ends. */
    private static final int[][] SEQUENCES = {
        {1, 1}, {63, 1}, {64, 3}, {65, 2}, {5, 5}, {130, 66}, {512, 1}, {513, 2}, {1100, 30}, {80, 1}
    };

    /**
     * Sizes of attention.
     *
     * @param heads   of queries
     * @param cached  heads in the cache
     */
    private record Sizes(int heads, int cached, int keyWidth, int valueWidth) {
        KvShape shape() {
            return new KvShape(2, cached * (keyWidth + valueWidth), 0);
        }
    }

    private static final List<Sizes> SIZES = List.of(
            new Sizes(1, 1, 1, 1),
            new Sizes(4, 2, 6, 6),
            new Sizes(7, 1, 17, 70),
            new Sizes(5, 5, 16, 16),
            new Sizes(6, 3, 130, 33),
            new Sizes(14, 2, 64, 64),
            new Sizes(8, 2, 128, 128));

    @ParameterizedTest
    @EnumSource
    void storesKeysThenValuesRounded(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (Sizes sizes : SIZES) {
            PagedKv kv = PagedKv.allocate(sizes.shape(), format, 20, arena);
            int[] slots = {7, 0, 19, 4, 12};
            HeadView keys = spread(5, sizes.cached, sizes.keyWidth);
            HeadView values = spread(5, sizes.cached, sizes.valueWidth);
            kernels.storeKeysValues(keys, values, slots, kv, 1);
            Tensor back = rows(kv, slots, 5);
            for (int t = 0; t < 5; t++) {
                float[] numbers = new float[sizes.shape().rowWidth()];
                int column = 0;
                for (HeadView view : List.of(keys, values)) {
                    for (int h = 0; h < view.heads(); h++) {
                        for (int i = 0; i < view.width(); i++) {
                            numbers[column++] = view.tensor().get(t, view.column(h) + i);
                        }
                    }
                }
                float[] stored = stored(numbers, format, sizes.shape());
                for (int i = 0; i < numbers.length; i++) {
                    assertWithin(back.get(t, i), stored[i], 0, format + " row " + t + " column " + i);
                }
            }
            assertOthersEmpty(kv, slots);
        }
    }

    /** A row as the cache gives it back. */
    private float[] stored(float[] numbers, KvFormat format, KvShape shape) {
        float[] stored = numbers.clone();
        switch (format) {
            case F32 -> {}
            case BF16 -> {
                for (int i = 0; i < stored.length; i++) {
                    stored[i] = Codecs.bf16ToFloat(Codecs.floatToBf16(numbers[i]));
                }
            }
            case FP8_E4M3 -> {
                Fp8Row row = new Fp8Row(shape);
                MemorySegment bytes = arena.allocate(row.bytes());
                row.write(numbers, bytes, 0);
                for (int i = 0; i < stored.length; i++) {
                    stored[i] = row.read(bytes, 0, i);
                }
            }
        }
        return stored;
    }

    /** Random heads with gaps between them. */
    private HeadView spread(int rows, int heads, int width) {
        return new HeadView(gaussian(rows, heads * (width + 3) + 1), heads, width + 3, 1, width);
    }

    /** The first {@code count} rows of a sequence as the cache holds them, in layer 1. */
    private Tensor rows(PagedKv kv, int[] slots, int count) {
        Tensor rows = tensor(count, kv.shape().rowWidth());
        kernels.loadLatent(kv, 1, slots, 0, count, rows, tensor(count, 0));
        return rows;
    }

    /** Every slot of layer 1 holds a random row. */
    private PagedKv filled(Sizes sizes, KvFormat format) {
        PagedKv kv = PagedKv.allocate(sizes.shape(), format, SLOTS, arena);
        HeadView keys = HeadView.of(gaussian(SLOTS, sizes.cached * sizes.keyWidth), sizes.cached);
        HeadView values = HeadView.of(gaussian(SLOTS, sizes.cached * sizes.valueWidth), sizes.cached);
        kernels.storeKeysValues(keys, values, IntStream.range(0, SLOTS).toArray(), kv, 1);
        return kv;
    }

    @ParameterizedTest
    @EnumSource
    void attendsInGroupsOverTheCache(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (Sizes sizes : SIZES) {
            PagedKv kv = filled(sizes, format);
            AttentionBatch batch = batch(permutation(SLOTS), SEQUENCES);
            HeadView query = spread(batch.tokens(), sizes.heads, sizes.keyWidth);
            HeadView out = outFor(batch.tokens(), sizes.heads, sizes.valueWidth);
            kernels.attendGrouped(query, batch, kv, 1, SCALE, out);
            for (int i = 0; i < batch.sequences(); i++) {
                check(sizes, query, batch, i, kv, out, format + " " + sizes);
            }
            assertRestUntouched(out);
        }
    }

    private void check(
            Sizes sizes, HeadView query, AttentionBatch batch, int i, PagedKv kv, HeadView out, String what) {
        Tensor cached = rows(kv, batch.slots()[i], batch.contextLength()[i]);
        for (int r = 0; r < batch.queries(i); r += 1 + r / 3) {
            int row = batch.queryStart()[i] + r;
            int seen = batch.prefixLength(i) + r + 1;
            for (int h = 0; h < sizes.heads; h += 1 + h / 4) {
                int group = h / (sizes.heads / sizes.cached);
                int key = group * sizes.keyWidth;
                int value = sizes.cached * sizes.keyWidth + group * sizes.valueWidth;
                Attended expected = attend(
                        head(query, row, h),
                        seen,
                        (k, c) -> cached.get(k, key + c),
                        sizes.valueWidth,
                        (k, c) -> cached.get(k, value + c),
                        SCALE);
                assertHolds(expected, out, row, h, what + " sequence " + i);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void attendsInGroupsBitForBitTheSameAloneAndInABatch(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (Sizes sizes : SIZES) {
            PagedKv kv = filled(sizes, format);
            AttentionBatch batch = batch(permutation(SLOTS), SEQUENCES);
            HeadView query = HeadView.of(gaussian(batch.tokens(), sizes.heads * sizes.keyWidth), sizes.heads);
            HeadView all = HeadView.of(tensor(batch.tokens(), sizes.heads * sizes.valueWidth), sizes.heads);
            kernels.attendGrouped(query, batch, kv, 1, SCALE, all);
            for (int i = 0; i < batch.sequences(); i++) {
                for (int r = 0; r < batch.queries(i); r += 1 + r / 5) {
                    int row = batch.queryStart()[i] + r;
                    int seen = batch.prefixLength(i) + r + 1;
                    AttentionBatch alone =
                            new AttentionBatch(new int[] {0, 1}, new int[] {seen}, new int[][] {batch.slots()[i]});
                    HeadView out = HeadView.of(tensor(1, sizes.heads * sizes.valueWidth), sizes.heads);
                    kernels.attendGrouped(query.rows(row, 1), alone, kv, 1, SCALE, out);
                    assertSameAlone(out.tensor(), all.tensor().rows(row, 1), sizes + ", sequence " + i + " row " + r);
                }
            }
        }
    }

    @Test
    void attendsInGroupsBitForBitTheSameOnAnyNumberOfThreads() {
        Sizes sizes = new Sizes(6, 2, 40, 24);
        PagedKv kv = filled(sizes, KvFormat.BF16);
        AttentionBatch batch = batch(permutation(SLOTS), new int[][] {{2000, 1}, {700, 3}});
        HeadView query = HeadView.of(gaussian(batch.tokens(), sizes.heads * sizes.keyWidth), sizes.heads);
        HeadView expected = HeadView.of(tensor(batch.tokens(), sizes.heads * sizes.valueWidth), sizes.heads);
        kernels.attendGrouped(query, batch, kv, 1, SCALE, expected);
        for (int threads : new int[] {1, 2, 8}) {
            HeadView out = HeadView.of(tensor(batch.tokens(), sizes.heads * sizes.valueWidth), sizes.heads);
            try (KernelBackend other = backend(threads)) {
                other.attendGrouped(query, batch, kv, 1, SCALE, out);
            }
            assertSameBits(out.tensor(), expected.tensor(), threads + " threads");
        }
    }

    @Test
    void attendsInGroupsWithScoresFarApart() {
        Sizes sizes = new Sizes(3, 1, 20, 16);
        PagedKv kv = filled(sizes, KvFormat.F32);
        AttentionBatch batch = batch(permutation(SLOTS), new int[][] {{1500, 4}});
        HeadView query = HeadView.of(gaussian(4, 3 * 20, 300), 3);
        HeadView out = HeadView.of(tensor(4, 3 * 16), 3);
        kernels.attendGrouped(query, batch, kv, 1, SCALE, out);
        check(sizes, query, batch, 0, kv, out, "large queries");
    }

    @Test
    void refusesGroupedAttentionOfWrongShapes() {
        PagedKv kv = PagedKv.allocate(KvShape.keysAndValues(1, 2, 4), KvFormat.F32, 4, arena);
        AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {{0, 3}});
        HeadView six = HeadView.of(tensor(1, 24), 6);
        HeadView two = HeadView.of(tensor(1, 8), 2);
        HeadView three = HeadView.of(tensor(1, 12), 3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendGrouped(three, batch, kv, 0, SCALE, three))
                .withMessageContaining("3 heads cannot share the cache's 2 evenly");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendGrouped(six, batch, kv, 0, SCALE, two))
                .withMessageContaining("out");
        HeadView wide = HeadView.of(tensor(1, 30), 6);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendGrouped(wide, batch, kv, 0, SCALE, wide))
                .withMessageContaining("do not hold keys 5 and values 5 wide");
        AttentionBatch outside = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {{0, 4}});
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendGrouped(six, outside, kv, 0, SCALE, six))
                .withMessageContaining("slots[1] = 4");
        PagedKv latent = PagedKv.allocate(new KvShape(1, 12, 4), KvFormat.F32, 4, arena);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendGrouped(six, batch, latent, 0, SCALE, six))
                .withMessageContaining("ropeWidth=4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.storeKeysValues(two, two, new int[] {4}, kv, 0))
                .withMessageContaining("slots[0] = 4");
        HeadView one = HeadView.of(tensor(1, 4), 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.storeKeysValues(one, one, new int[] {0}, kv, 0))
                .withMessageContaining("1 heads of keys 4 and values 4 wide do not fill a row of 16 numbers");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.storeKeysValues(two, one, new int[] {0}, kv, 0))
                .withMessageContaining("values");
    }
}
