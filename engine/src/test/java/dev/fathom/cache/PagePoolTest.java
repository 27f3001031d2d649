package dev.fathom.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PagePoolTest {
    @Test
    void handsOutEveryPageOnce() {
        PagePool pool = new PagePool(5, 4);
        Set<Integer> pages = new HashSet<>();
        while (pool.freePages() > 0) {
            pages.add(pool.take());
        }
        assertThat(pages).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
        assertThatThrownBy(pool::take).isInstanceOf(IllegalStateException.class).hasMessageContaining("all 5 pages");
    }

    @Test
    void takesFreedPagesAgain() {
        PagePool pool = new PagePool(2, 1);
        int first = pool.take();
        pool.take();
        pool.free(first);
        assertThat(pool.freePages()).isEqualTo(1);
        assertThat(pool.take()).isEqualTo(first);
    }

    @Test
    void refusesToFreeTwice() {
        PagePool pool = new PagePool(2, 1);
        int page = pool.take();
        pool.free(page);
        assertThatThrownBy(() -> pool.free(page))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("freed twice");
        assertThat(pool.freePages()).isEqualTo(2);
    }

    @Test
    void refusesPagesOutsideThePool() {
        PagePool pool = new PagePool(2, 1);
        assertThatThrownBy(() -> pool.free(2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> pool.free(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void refusesAPoolWithoutPages() {
        assertThatThrownBy(() -> new PagePool(0, 16)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new PagePool(1, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
