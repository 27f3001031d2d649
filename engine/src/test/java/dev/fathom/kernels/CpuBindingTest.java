package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuBindingTest {
    @Test
    void readsRangesAndSingleProcessorsInTheirOrder() {
        assertThat(CpuBinding.parse("8, 0-3,5-5").processors()).containsExactly(8, 0, 1, 2, 3, 5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ",", "a", "3-1", "-1", "0-", "0,0", "0-2,1", "1024", "0|1", "1-2-3", "99999999999"})
    void refusesWhatIsNoListOfProcessors(String list) {
        assertThatThrownBy(() -> CpuBinding.parse(list))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("processors");
    }

    @Test
    void keepsEveryMemberOfATeamOnItsProcessor() throws InterruptedException {
        List<Integer> allowed = CpuBinding.allowed();
        int threads = Math.min(3, allowed.size());
        CpuBinding binding = new CpuBinding(allowed.subList(0, threads));
        Map<String, List<Integer>> seen = new ConcurrentHashMap<>();
        Thread caller = new Thread(
                () -> {
                    try (WorkerPool pool = new WorkerPool(threads, "bound", binding)) {
                        pool.bindCaller();
                        while (seen.size() < threads) { // until each has got a part
                            pool.run(
                                    threads,
                                    (part, parts) ->
                                            seen.put(Thread.currentThread().getName(), CpuBinding.allowed()));
                        }
                    }
                },
                "bound-0");
        caller.start();
        caller.join();
        for (int member = 0; member < threads; member++) {
            assertThat(seen).containsEntry("bound-" + member, List.of(allowed.get(member)));
        }
        assertThat(CpuBinding.allowed()).isEqualTo(allowed);
    }

    @Test
    void refusesProcessorsThatThisProcessMayNotUse() {
        assertThatThrownBy(() -> new WorkerPool(1, "bound", new CpuBinding(List.of(1023))))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("not on [1023]");
    }

    @Test
    void refusesFewerProcessorsThanThreads() {
        assertThatThrownBy(() -> new WorkerPool(2, "bound", new CpuBinding(List.of(0))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 threads need as many processors");
    }
}
