package dev.fathom.kernels;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A process that asks a cache for a library, and prints what is in it: {@code KernelCacheProcess CACHE MEETING}. Its compiler
 * waits until the other process compiles, too.
 */
final class KernelCacheProcess {
    private static final long PATIENCE_NANOS = 40_000_000_000L;

    private KernelCacheProcess() {}

    public static void main(String[] arguments) throws IOException {
        Path meeting = Path.of(arguments[1]);
        String self = Long.toString(ProcessHandle.current().pid());
        KernelCompiler compiler = new KernelCompiler() {
            @Override
            public String name() {
                return "one compiler";
            }

            @Override
            public String identity() {
                return "one compiler";
            }

            @Override
            public boolean compile(Path folder, KernelSource source, Path output, Path log) throws IOException {
                Files.writeString(log, "");
                Files.createDirectories(meeting);
                Files.writeString(meeting.resolve(self), "");
                long start = System.nanoTime();
                while (count(meeting) < 2 && System.nanoTime() - start < PATIENCE_NANOS) {
                    Thread.onSpinWait();
                }
                Files.writeString(output, self + " made " + Files.readString(folder.resolve("f.c")));
                return count(meeting) == 2;
            }
        };
        KernelSource source = KernelCacheTest.source("int f(void) { return 1; }", "-O3");
        KernelCache.Entry entry = new KernelCache(Path.of(arguments[0])).library(source, compiler, text -> {});
        System.out.println(Files.readString(entry.library()));
    }

    private static long count(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.count();
        }
    }
}
