package dev.fathom.kernels;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed team of threads that runs the parts of one operation at a time; the caller is a member of the team. A run of
 * empty parts costs a few microseconds while the workers are awake. A worker that finds no work spins for
 * {@value #SPIN_NANOS} ns, then parks, so that an idle pool takes no processor time.
 *
 * <p>Calls come from one thread at a time.
 */
public final class WorkerPool implements AutoCloseable {
    /** Longer than the gap between two operations of a step, shorter than anybody notices as load. */
    private static final long SPIN_NANOS = 50_000;

    /** Spins between two looks at the clock. */
    private static final int SPINS_PER_LOOK = 16;

    /** One part of an operation. */
    @FunctionalInterface
    public interface PartTask {
        /**
         * @param part   in [0, parts); each value is run exactly once, so it may index per-worker buffers
         * @param parts  as given to {@link WorkerPool#run}
         */
        void run(int part, int parts);
    }

    private final Worker[] workers;
    private final CpuBinding binding;
    private volatile @Nullable Job current;
    private volatile boolean closed;

    /**
     * @param threads  members of the team, the caller included, at least 1
     * @param name     thread names are name-1, name-2 ...
     */
    public WorkerPool(int threads, String name) {
        this(threads, name, CpuBinding.NONE);
    }

    /**
     * @param binding  a processor for each member, the first for the caller, who says who it is by {@link #bindCaller}
     * @throws KernelException if this process may not run on all of these processors
     */
    public WorkerPool(int threads, String name, CpuBinding binding) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads: a worker pool needs at least 1, got " + threads);
        }
        if (!binding.isEmpty() && binding.processors().size() < threads) {
            throw new IllegalArgumentException(threads + " threads need as many processors, got " + binding);
        }
        binding.requireAllowed();
        this.binding = binding;
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(name + "-" + (i + 1), i + 1);
        }
        for (Worker worker : workers) {
            worker.start();
        }
    }

    /** Members of the team, the caller included. */
    public int threads() {
        return workers.length + 1;
    }

    /** Keeps the calling thread on the first processor of the binding. Threads it starts from now on stay there, too. */
    public void bindCaller() {
        binding.bind(0);
    }

    /**
     * Runs every part once and returns when all have finished. One part runs on the caller without waking anybody. A
     * part must not call {@code run} of its own pool.
     *
     * @throws IllegalStateException if the pool is closed
     * @throws RuntimeException      what a part threw; what other parts threw is suppressed in it; the pool stays usable
     */
    public void run(int parts, PartTask task) {
        if (closed) {
            throw new IllegalStateException("the worker pool is closed");
        }
        if (parts < 1) {
            throw new IllegalArgumentException("parts: at least 1, got " + parts);
        }
        if (parts == 1 || workers.length == 0) {
            runAlone(parts, task);
            return;
        }
        Job job = new Job(task, parts, Thread.currentThread());
        current = job;
        int helpers = Math.min(parts - 1, workers.length);
        for (int i = 0; i < helpers; i++) {
            workers[i].wake();
        }
        job.work();
        job.await();
        job.rethrow();
    }

    private static void runAlone(int parts, PartTask task) {
        for (int part = 0; part < parts; part++) {
            task.run(part, parts);
        }
    }

    /** Ends the threads and waits for them. Closing twice does nothing. */
    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
        boolean interrupted = false;
        for (Worker worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** One run: a fresh object each time, so that a worker that wakes late finds its old job empty, never a newer one. */
    private static final class Job {
        private final PartTask task;
        private final int parts;
        private final Thread caller;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger finished = new AtomicInteger();
        private volatile boolean callerParked;
        private @Nullable Throwable failure;

        Job(PartTask task, int parts, Thread caller) {
            this.task = task;
            this.parts = parts;
            this.caller = caller;
        }

        void work() {
            for (int part = next.getAndIncrement(); part < parts; part = next.getAndIncrement()) {
                try {
                    task.run(part, parts);
                } catch (RuntimeException | Error e) {
                    failed(e);
                }
                if (finished.incrementAndGet() == parts && callerParked) {
                    LockSupport.unpark(caller);
                }
            }
        }

        private synchronized void failed(Throwable newFailure) {
            if (failure == null) {
                failure = newFailure;
            } else if (!failure.equals(newFailure)) {
                failure.addSuppressed(newFailure);
            }
        }

        void await() {
            long start = System.nanoTime();
            while (finished.get() < parts) {
                for (int i = 0; i < SPINS_PER_LOOK && finished.get() < parts; i++) {
                    Thread.onSpinWait();
                }
                if (System.nanoTime() - start > SPIN_NANOS) {
                    callerParked = true;
                    if (finished.get() < parts) {
                        LockSupport.park(this);
                    }
                }
            }
        }

        synchronized void rethrow() {
            if (failure instanceof Error error) {
                throw error;
            }
            if (failure instanceof RuntimeException exception) {
                throw exception;
            }
        }
    }

    private final class Worker extends Thread {
        private final int member;
        private volatile boolean parked;

        Worker(String name, int member) {
            super(name);
            this.member = member;
            setDaemon(true);
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            binding.bind(member);
            Job done = null;
            while (true) {
                Job job = awaitOther(done);
                if (job == null) {
                    return;
                }
                job.work();
                done = job;
            }
        }

        /** The next job, or null when the pool closes. */
        private @Nullable Job awaitOther(@Nullable Job done) {
            long start = System.nanoTime();
            while (true) {
                for (int i = 0; i < SPINS_PER_LOOK; i++) {
                    Job job = current;
                    if (closed) {
                        return null;
                    }
                    if (job != done) {
                        return job;
                    }
                    Thread.onSpinWait();
                }
                if (System.nanoTime() - start > SPIN_NANOS) {
                    parked = true;
                    // Looked at again after the flag is up: whoever publishes a job later sees the flag.
                    if (current == done && !closed) {
                        LockSupport.park(WorkerPool.this);
                    }
                    parked = false;
                    // An interrupt nobody meant for us would make every later park return at once.
                    Thread.interrupted();
                }
            }
        }
    }
}
