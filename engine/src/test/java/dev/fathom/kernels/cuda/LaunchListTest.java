package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class LaunchListTest {
    private static final Kernel FIRST = new Kernel("first", 1);
    private static final Kernel ONE = new Kernel("one", 2);
    private static final Kernel PAIR = new Kernel("pair", 3);

    @Test
    void joinsTheLastLaunchWithOneMore() {
        try (Arena arena = Arena.ofConfined()) {
            LaunchList launches = new LaunchList(arena);
            launches.add(FIRST, new Grid(7, 1, 1, 64), 0, numbers(arena, 1), Work.UNKNOWN);
            launches.add(ONE, new Grid(3, 1, 1, 256), 0, numbers(arena, 10, 11), new Work(100, 1));
            launches.join(PAIR, new Grid(2, 1, 1, 256), numbers(arena, 20, 21), new Work(50, 2));
            launches.add(FIRST, new Grid(8, 1, 1, 64), 0, numbers(arena, 2), Work.UNKNOWN);

            List<String> made = new ArrayList<>();
            launches.forEach((kernel, grid, shared, arguments) -> made.add(kernel.name() + " " + grid.x() + "x"
                    + grid.threads() + " " + Arrays.toString(arguments.toArray(ValueLayout.JAVA_LONG))));
            // Behind the arguments of both: how many blocks are the first's.
            assertThat(made).containsExactly("first 7x64 [1]", "pair 5x256 [10, 11, 20, 21, 3]", "first 8x64 [2]");
            List<Work> works = new ArrayList<>();
            launches.visit((kernel, grid, work) -> works.add(work));
            assertThat(works).containsExactly(Work.UNKNOWN, new Work(150, 3), Work.UNKNOWN);
        }
    }

    private static MemorySegment numbers(Arena arena, long... numbers) {
        return arena.allocateFrom(ValueLayout.JAVA_LONG, numbers);
    }
}
