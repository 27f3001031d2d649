package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WorkerPoolTest {
    @Test
    void runsEveryPartExactlyOnce() {
        try (WorkerPool pool = new WorkerPool(3, "fathom-kernel")) {
            for (int parts : new int[] {1, 2, 3, 7, 100}) {
                for (int round = 0; round < 200; round++) {
                    AtomicIntegerArray runs = new AtomicIntegerArray(parts);
                    pool.run(parts, (part, of) -> {
                        assertThat(of).isEqualTo(parts);
                        runs.incrementAndGet(part);
                    });
                    for (int part = 0; part < parts; part++) {
                        assertThat(runs.get(part)).isEqualTo(1);
                    }
                }
            }
        }
    }

    @Test
    void seesWhatPartsWroteWithoutFurtherSynchronisation() {
        try (WorkerPool pool = new WorkerPool(4, "fathom-kernel")) {
            int[] plain = new int[64];
            for (int round = 1; round <= 2_000; round++) {
                int value = round;
                pool.run(64, (part, parts) -> plain[part] = value);
                assertThat(plain).containsOnly(value);
            }
        }
    }

    @Test
    void usesDaemonThreadsNamedByRoleAndTheCaller() {
        try (WorkerPool pool = new WorkerPool(3, "fathom-kernel")) {
            assertThat(pool.threads()).isEqualTo(3);
            Set<String> names = ConcurrentHashMap.newKeySet();
            CountDownLatch all = new CountDownLatch(3);
            pool.run(3, (part, parts) -> {
                Thread thread = Thread.currentThread();
                names.add(thread.getName());
                if (thread.getName().startsWith("fathom")) {
                    assertThat(thread.isDaemon()).isTrue();
                }
                all.countDown();
                await(all);
            });
            assertThat(names)
                    .containsExactlyInAnyOrder(
                            "fathom-kernel-1",
                            "fathom-kernel-2",
                            Thread.currentThread().getName());
        }
    }

    @Test
    void runsOnePartOnTheCaller() {
        try (WorkerPool pool = new WorkerPool(3, "fathom-kernel")) {
            Thread caller = Thread.currentThread();
            pool.run(1, (part, parts) -> assertThat(Thread.currentThread()).isSameAs(caller));
        }
    }

    @Test
    void wakesParkedWorkers() {
        try (WorkerPool pool = new WorkerPool(3, "fathom-kernel")) {
            for (int round = 0; round < 20; round++) {
                // Longer than the workers spin: most rounds find them parked.
                LockSupport.parkNanos(1_000_000);
                CountDownLatch all = new CountDownLatch(3);
                pool.run(3, (part, parts) -> {
                    all.countDown();
                    await(all);
                });
            }
        }
    }

    @Test
    void throwsWhatPartsThrewAndStaysUsable() {
        try (WorkerPool pool = new WorkerPool(3, "fathom-kernel")) {
            assertThatThrownBy(() -> pool.run(5, (part, parts) -> {
                        if (part % 2 == 0) {
                            throw new IllegalStateException("part " + part);
                        }
                    }))
                    .isInstanceOf(IllegalStateException.class)
                    .satisfies(e -> assertThat(e.getSuppressed()).hasSize(2));
            assertThatThrownBy(() -> pool.run(2, (part, parts) -> {
                        throw new OutOfMemoryError("planted " + part);
                    }))
                    .isInstanceOf(OutOfMemoryError.class);
            AtomicInteger runs = new AtomicInteger();
            pool.run(5, (part, parts) -> runs.incrementAndGet());
            assertThat(runs.get()).isEqualTo(5);
        }
    }

    @Test
    void closesTwiceAndThenRefusesWork() {
        WorkerPool pool = new WorkerPool(3, "fathom-pool-test");
        pool.run(3, (part, parts) -> {});
        pool.close();
        pool.close();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("fathom-pool-test"));
        assertThatThrownBy(() -> pool.run(1, (part, parts) -> {})).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void refusesNoThreadsAndNoParts() {
        assertThatThrownBy(() -> new WorkerPool(0, "x")).hasMessageContaining("threads");
        try (WorkerPool pool = new WorkerPool(1, "x")) {
            assertThatThrownBy(() -> pool.run(0, (part, parts) -> {})).hasMessageContaining("parts");
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
