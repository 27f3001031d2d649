package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelCacheTest {
    private static final long SEED = 20261124;

    private static final KernelSource SOURCE = source("int f(void) { return 1; }", "-O3");

    @TempDir
    private Path parent;

    private Path folder = Path.of("set before each test");
    private KernelCache cache = new KernelCache(folder);
    private final FakeCompiler compiler = new FakeCompiler("fake 1.0");
    private final StringBuilder said = new StringBuilder();

    @BeforeEach
    void chooseFolder() {
        folder = parent.resolve("not/yet/there");
        cache = new KernelCache(folder);
    }

    static KernelSource source(String text, String... options) {
        return new KernelSource("test", "some-target", new TreeMap<>(Map.of("f.c", text)), List.of(options));
    }

    /** Its libraries hold the source's text. */
    static final class FakeCompiler implements KernelCompiler {
        private final String identity;
        private int runs;
        private boolean works = true;

        FakeCompiler(String identity) {
            this.identity = identity;
        }

        @Override
        public String name() {
            return identity;
        }

        @Override
        public String identity() {
            return identity;
        }

        @Override
        public boolean compile(Path folder, KernelSource source, Path output, Path log) throws IOException {
            runs++;
            Files.writeString(log, "f.c:1: what is this?");
            if (works) {
                Files.writeString(output, identity + " made " + Files.readString(folder.resolve("f.c")));
            }
            return works;
        }
    }

    private KernelCache.Entry library() {
        return cache.library(SOURCE, compiler, said::append);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void buildsOnceAndTellsSo() throws IOException {
        KernelCache.Entry entry = library();
        assertThat(entry.library()).hasContent("fake 1.0 made int f(void) { return 1; }");
        assertThat(entry.compiler()).isEqualTo("fake 1.0");
        assertThat(said.toString())
                .matches("Compiling kernels for some-target with fake 1.0 \\.\\.\\. \\d+\\.\\d s\\R");
        said.setLength(0);
        assertThat(library()).isEqualTo(entry);
        assertThat(new KernelCache(folder).library(SOURCE, compiler, said::append))
                .isEqualTo(entry);
        assertThat(said).isEmpty();
        assertThat(compiler.runs).isEqualTo(1);
        assertThat(names()).hasSize(1);
    }

    @Test
    void keepsSourcesOptionsAndCompilersApart() throws IOException {
        library();
        cache.library(source("int f(void) { return 2; }", "-O3"), compiler, said::append);
        cache.library(source("int f(void) { return 1; }", "-O3", "-DN=4"), compiler, said::append);
        KernelCache.Entry other = cache.library(SOURCE, new FakeCompiler("fake 2.0"), said::append);
        assertThat(other.compiler()).isEqualTo("fake 2.0");
        assertThat(names()).hasSize(4);
        assertThat(compiler.runs).isEqualTo(3);
    }

    @Test
    void servesACopiedFolderWithoutACompiler() throws IOException {
        library();
        Path copy = parent.resolve("copy");
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(folder.relativize(file).toString()));
            }
        }
        KernelCache.Entry entry = new KernelCache(copy).library(SOURCE, null, said::append);
        assertThat(entry.library()).startsWith(copy).content().startsWith("fake 1.0 made");
        assertThat(entry.compiler()).isEqualTo("fake 1.0");
    }

    @Test
    void saysThatThereIsNeitherCompilerNorEntry() {
        assertThatThrownBy(() -> cache.library(SOURCE, null, said::append))
                .isInstanceOf(KernelException.class)
                .hasMessage("there is no compiler, and " + folder + " has no kernels for some-target");
    }

    @Test
    void namesTheLogOfAFailedBuildAndTriesAgain() throws IOException {
        compiler.works = false;
        assertThatThrownBy(this::library)
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("fake 1.0 could not compile the kernels for some-target; " + folder)
                .hasMessageEndingWith("failed.log has its messages");
        assertThat(said.toString()).endsWith("... failed.\n");
        assertThat(names()).hasSize(1);
        assertThat(folder.resolve(names().getFirst())).hasContent("f.c:1: what is this?");
        compiler.works = true;
        assertThat(library().library()).exists();
    }

    @Test
    void takesAnotherCompilersEntryWhereItsOwnFails() {
        library();
        FakeCompiler broken = new FakeCompiler("broken 3.0");
        broken.works = false;
        assertThat(cache.library(SOURCE, broken, said::append).compiler()).isEqualTo("fake 1.0");
    }

    @Test
    void saysThatAFolderCannotBeWritten() throws IOException {
        Files.createDirectories(parent);
        Path file = Files.writeString(parent.resolve("file"), "no folder");
        KernelCache inFile = new KernelCache(file.resolve("cache"));
        assertThatThrownBy(() -> inFile.library(SOURCE, compiler, said::append))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("no kernels can be built in " + file.resolve("cache"));
    }

    @Test
    void rebuildsWhatIsDamaged() throws IOException {
        Path library = library().library();
        Path notes = library.resolveSibling("entry.txt");
        byte[] wholeLibrary = Files.readAllBytes(library);
        byte[] wholeNotes = Files.readAllBytes(notes);
        System.out.println("KernelCacheTest seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 300; i++) {
            Path victim = random.nextBoolean() ? library : notes;
            byte[] damaged = damage(Files.readAllBytes(victim), random);
            Files.write(victim, damaged);
            KernelCache.Entry entry = library();
            // The compiler's name is for people, and what it is hashed to counts in the folder's name.
            assertThat(entry.library()).as("damage %d of %s", i, victim).hasBinaryContent(wholeLibrary);
            Files.write(notes, wholeNotes);
        }
        assertThat(compiler.runs).isGreaterThan(100);
        assertThat(names()).hasSize(1);
    }

    private static byte[] damage(byte[] bytes, SplittableRandom random) {
        byte[] damaged = bytes.clone();
        switch (random.nextInt(4)) {
            case 0 -> damaged = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            case 1 -> damaged[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            case 2 -> damaged = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(10_000));
            default -> random.nextBytes(damaged);
        }
        return damaged;
    }

    @Test
    void rebuildsForeignAndHalfEntries() throws IOException {
        Path library = library().library();
        KernelCache.Entry other = cache.library(source("int f(void) { return 2; }", "-O3"), compiler, said::append);
        for (String name : List.of("kernels.so", "entry.txt")) {
            Files.copy(
                    other.library().resolveSibling(name),
                    library.resolveSibling(name),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        assertThat(library().library()).hasContent("fake 1.0 made int f(void) { return 1; }");
        Files.delete(library.resolveSibling("entry.txt"));
        assertThat(library().library()).hasContent("fake 1.0 made int f(void) { return 1; }");
        Files.delete(library);
        assertThat(library().library()).hasContent("fake 1.0 made int f(void) { return 1; }");
        assertThat(compiler.runs).isEqualTo(5);
    }

    @Test
    void rebuildsWhatWasDiscarded() {
        cache.discard(library());
        assertThat(library().library()).exists();
        assertThat(compiler.runs).isEqualTo(2);
    }

    @Test
    void removesFoldersOfAbandonedBuilds() throws IOException {
        Path old = Files.createDirectories(folder.resolve("building-old"));
        Files.writeString(old.resolve("f.c"), "half");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(7200)));
        Path running = Files.createDirectories(folder.resolve("building-running"));
        library();
        assertThat(old).doesNotExist();
        assertThat(running).exists();
    }

    @Test
    void givesTwoStartingProcessesTheSameWholeEntry() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            processes.add(new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            KernelCacheProcess.class.getName(),
                            folder.toString(),
                            parent.resolve("started").toString())
                    .redirectErrorStream(true)
                    .start());
        }
        List<String> outputs = new ArrayList<>();
        for (Process process : processes) {
            outputs.add(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(outputs.getLast()).isZero();
        }
        // Both compiled, as neither saw an entry; one of the two results is what both use.
        assertThat(outputs.get(0)).isEqualTo(outputs.get(1)).contains("made int f(void) { return 1; }");
        assertThat(names()).hasSize(1);
    }

    @Test
    void refusesFileNamesThatLeadElsewhere() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new KernelSource("c", "t", new TreeMap<>(Map.of("../f.c", "")), List.of()))
                .withMessageContaining("../f.c");
    }
}
