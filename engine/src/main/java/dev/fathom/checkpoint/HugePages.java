package dev.fathom.checkpoint;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Mapped files in pages of 2 MiB: Linux keeps them so in its page cache, and maps them so for every process, where the file system
 * can (ext4 from Linux 6.16 on, XFS, Btrfs) and the pages were read after somebody advised it. Nothing is copied. Pages of 4 KiB
 * cost one processor a third of what memory gives, because it walks its page tables for each.
 */
final class HugePages {
    private static final Path ENABLED = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    private static final Path MAPPINGS = Path.of("/proc/self/smaps");
    static final long SMALL_PAGE = 4096;

    // madvise(2)
    private static final int HUGE_PAGE = 14;
    private static final int PAGE_OUT = 21;

    private HugePages() {}

    /**
     * Checks that there can be huge pages.
     *
     * @throws CheckpointException saying why there cannot
     */
    static void require() {
        require(ENABLED);
    }

    /** @param enabled  what Linux says about transparent huge pages, such as {@code always [madvise] never} */
    static void require(Path enabled) {
        String modes;
        try {
            modes = Files.readString(enabled, StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new CheckpointException(
                    "--huge-pages needs Linux with transparent huge pages, which this system does not have (" + enabled
                            + " cannot be read): leave the flag out.",
                    e);
        }
        if (modes.contains("[never]")) {
            throw new CheckpointException("--huge-pages: transparent huge pages are switched off (" + enabled
                    + " says never): write madvise there, or leave the flag out.");
        }
    }

    /** Lets what is read into these regions from now on lie in huge pages. */
    static void advise(List<MemorySegment> regions) {
        regions.forEach(region -> madvise(region, HUGE_PAGE));
    }

    /** Takes pages of the regions that no other process uses out of memory, to be read from the file once more. */
    static void pageOut(List<MemorySegment> regions) {
        regions.forEach(region -> madvise(region, PAGE_OUT));
    }

    private static void madvise(MemorySegment region, int advice) {
        long start = region.address() & -SMALL_PAGE;
        long bytes = region.address() + region.byteSize() - start;
        try {
            int result = (int) Native.MADVISE.invokeExact(MemorySegment.ofAddress(start), bytes, advice);
            if (result != 0) {
                throw new CheckpointException("--huge-pages: this Linux does not know what is asked of it (madvise "
                        + advice + "): Linux 5.4 or later is wanted; leave the flag out.");
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("madvise throws nothing", e);
        }
    }

    /** Which share of what is mapped where these regions lie is mapped in huge pages, from 0 to 1. */
    static double share(List<MemorySegment> regions) {
        try {
            return share(Files.readAllLines(MAPPINGS, StandardCharsets.ISO_8859_1), regions);
        } catch (IOException e) {
            throw new CheckpointException(MAPPINGS + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** @param mappings  lines as /proc/self/smaps has them: a range of addresses, then names and kB */
    static double share(List<String> mappings, List<MemorySegment> regions) {
        long resident = 0;
        long huge = 0;
        boolean ours = false;
        for (String line : mappings) {
            String[] words = line.split("\\s+", 3);
            int dash = words[0].indexOf('-');
            if (dash > 0 && !words[0].endsWith(":")) {
                long from = HexFormat.fromHexDigitsToLong(words[0], 0, dash);
                long to = HexFormat.fromHexDigitsToLong(words[0], dash + 1, words[0].length());
                ours = regions.stream()
                        .anyMatch(region -> region.address() < to && region.address() + region.byteSize() > from);
            } else if (ours && words[0].equals("Rss:")) {
                resident += Long.parseLong(words[1]);
            } else if (ours && words[0].equals("FilePmdMapped:")) {
                huge += Long.parseLong(words[1]);
            }
        }
        return resident == 0 ? 0 : (double) huge / resident;
    }

    /** Looked up when huge pages are first asked for. */
    private static final class Native {
        private static final Linker LINKER = Linker.nativeLinker();

        /** Where, how many bytes, and the advice. */
        private static final MethodHandle MADVISE = Optional.of(LINKER.defaultLookup())
                .flatMap(lookup -> lookup.find("madvise"))
                .map(function -> LINKER.downcallHandle(
                        function,
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT)))
                .orElseThrow(() -> new CheckpointException("--huge-pages works on Linux only: leave the flag out."));
    }
}
