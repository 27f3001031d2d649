package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CheckedSlotsTest {
    private final Arena arena = Arena.ofConfined();
    private final CheckedSlots checked = new CheckedSlots();
    private final int[] slots = {0, 3};
    private final AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {slots});

    @AfterEach
    void close() {
        arena.close();
    }

    private PagedKv cache(int slots) {
        return PagedKv.allocate(new KvShape(1, 8, 4), KvFormat.F32, slots, arena);
    }

    private void assertRefuses(PagedKv kv, String slot) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> checked.check("attendLatent", batch, kv))
                .withMessage("attendLatent: slots[1] = " + slot + " is outside [0, " + kv.slots() + ")");
    }

    @Test
    void looksAtABatchOnceAStep() {
        PagedKv kv = cache(4);
        checked.check("attendLatent", batch, kv);
        slots[1] = 4;
        assertThatNoException().isThrownBy(() -> checked.check("attendLatent", batch, kv));
        checked.forget();
        assertRefuses(kv, "4");
        assertRefuses(kv, "4");
    }

    @Test
    void looksAgainForASmallerCache() {
        checked.check("attendLatent", batch, cache(5));
        checked.check("attendLatent", batch, cache(4));
        assertRefuses(cache(3), "3");
    }
}
