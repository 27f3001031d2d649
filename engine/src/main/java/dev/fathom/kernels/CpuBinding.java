package dev.fathom.kernels;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The processors a team of threads stays on, member i on the i-th: a thread that the system moves leaves its caches
 * behind, and on machines of several sockets its memory too. Linux only.
 *
 * @param processors  by the system's numbers, no two alike; empty lets the system choose
 */
public record CpuBinding(List<Integer> processors) {
    /** Threads run where the system puts them. */
    public static final CpuBinding NONE = new CpuBinding(List.of());

    /** Numbers that fit the system's fixed-size set. */
    private static final int MOST = 1024;

    public CpuBinding {
        processors = List.copyOf(processors);
        if (new TreeSet<>(processors).size() < processors.size()) {
            throw new IllegalArgumentException("processors twice in " + processors);
        }
    }

    /**
     * Reads a list such as {@code 0-3,8}, in the order it is given.
     *
     * @throws IllegalArgumentException saying what is wrong with the list
     */
    public static CpuBinding parse(String list) {
        List<Integer> processors = new ArrayList<>();
        for (String part : list.split(",", -1)) {
            String[] ends = part.strip().split("-", 2);
            int first = number(ends[0], list);
            int last = number(ends[ends.length - 1], list);
            if (last < first) {
                throw wrong(list);
            }
            for (int processor = first; processor <= last; processor++) {
                processors.add(processor);
            }
        }
        return new CpuBinding(processors);
    }

    private static int number(String text, String list) {
        try {
            int number = Integer.parseInt(text.strip());
            if (number >= 0 && number < MOST) {
                return number;
            }
        } catch (NumberFormatException e) {
            // the sentence below says what was wanted
        }
        throw wrong(list);
    }

    private static IllegalArgumentException wrong(String list) {
        return new IllegalArgumentException("a list of processors such as 0-3,8 is wanted, got \"" + list + "\"");
    }

    public boolean isEmpty() {
        return processors.isEmpty();
    }

    /**
     * Checks that this process may run on every processor.
     *
     * @throws KernelException naming those it may not, or if threads cannot be bound on this system
     */
    public void requireAllowed() {
        if (isEmpty()) {
            return;
        }
        List<Integer> allowed = allowed();
        List<Integer> others =
                processors.stream().filter(p -> !allowed.contains(p)).toList();
        if (!others.isEmpty()) {
            throw new KernelException("this process may run on processors " + allowed + ", not on " + others);
        }
    }

    /** Processors the calling thread may run on. */
    static List<Integer> allowed() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/thread-self/status"))) {
                if (line.startsWith("Cpus_allowed_list:")) {
                    return parse(line.substring(line.indexOf(':') + 1)).processors();
                }
            }
        } catch (IOException e) {
            throw new KernelException("threads can be bound to processors on Linux only", e);
        }
        throw new KernelException("the system does not say on which processors this process may run");
    }

    /** Keeps the calling thread on the processor of {@code member}; nothing if this is {@link #NONE}. */
    public void bind(int member) {
        if (isEmpty()) {
            return;
        }
        int processor = processors.get(member);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment set = arena.allocate(MOST / 8, 8);
            set.set(ValueLayout.JAVA_BYTE, processor / 8, (byte) (1 << processor % 8));
            int result = (int) Native.SET_AFFINITY.invokeExact(0, set.byteSize(), set);
            if (result != 0) {
                throw new KernelException("the system does not let this thread run on processor " + processor);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("sched_setaffinity throws nothing", e);
        }
    }

    /** Looked up when the first thread is bound. */
    private static final class Native {
        private static final Linker LINKER = Linker.nativeLinker();

        /** 0, for the calling thread; bytes in the set; the set: one bit for each processor. */
        private static final MethodHandle SET_AFFINITY = LINKER.downcallHandle(
                LINKER.defaultLookup()
                        .find("sched_setaffinity")
                        .orElseThrow(() -> new KernelException("threads can be bound to processors on Linux only")),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    }
}
