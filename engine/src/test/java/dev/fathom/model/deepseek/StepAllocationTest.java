package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.StepScratch;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A step leaves no numbers on the Java heap: activations, logits and what kernels prepare lie in the scratch slab. What is
 * left are a step's small objects (views, records, expert plans), the same few for every context length.
 */
@Tag("slow")
class StepAllocationTest {
    /** 12,000 to 13,000 were seen; one copy of nano's logits would be 16 KiB more. */
    private static final long MOST_BYTES_A_STEP = 25_000;

    private static final int WARM_UP = 60;
    private static final int STEPS = 100;
    private static final int SLOTS = 2048;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void decodingAllocatesSmallObjectsOnly() {
        try (NanoModel nano = NanoModel.open("fp8", "c", ModelOptions.DEFAULT);
                Arena arena = Arena.ofShared();
                StepScratch scratch = new StepScratch(1 << 20)) {
            PagedKv kv = PagedKv.allocate(nano.model().kvShape(), KvFormat.BF16, SLOTS, arena);
            bytesAStep(nano, kv, scratch, 8, WARM_UP);
            long atShort = bytesAStep(nano, kv, scratch, 100, STEPS);
            long atLong = bytesAStep(nano, kv, scratch, SLOTS - STEPS, STEPS);
            String name = nano.kernels().name();
            System.out.printf("%s: %d bytes a step, %d after a long context%n", name, atShort, atLong);
            // Without a compiler the vector backend stands in, whose vectors are objects until the JIT has compiled it.
            long most = name.equals("c") ? MOST_BYTES_A_STEP : Long.MAX_VALUE;
            assertThat(atShort).isPositive().isLessThan(most);
            assertThat(atLong).isPositive().isLessThan(most);
        }
    }

    /** What forward allocates on the thread that calls it. The batch is made outside: it belongs to the scheduler. */
    private long bytesAStep(NanoModel nano, PagedKv kv, StepScratch scratch, int context, int steps) {
        long bytes = 0;
        for (int i = 0; i < steps; i++) {
            int length = context + i + 1;
            AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {length}, new int[][] {
                IntStream.range(0, length).toArray()
            });
            StepContext step = new StepContext(
                    new int[] {5 + i}, batch, new int[] {0}, kv, nano.kernels(), Communicator.single(), scratch);
            long before = threads.getCurrentThreadAllocatedBytes();
            nano.kernels().beginStep(1);
            nano.model().forward(step);
            bytes += threads.getCurrentThreadAllocatedBytes() - before;
            scratch.reset();
        }
        return bytes / steps;
    }
}
