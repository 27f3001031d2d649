package dev.fathom.kernels.c;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KernelSource;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the sources in the jar to calls. Where there is no compiler, what is left of that is the refusal. */
class CKernelsTest {
    @TempDir
    private Path folder;

    private static boolean compilerThere() {
        return CCompiler.find(CCompiler.USUAL).isPresent();
    }

    private KernelCache.Entry build(CpuTarget target) {
        return CKernels.prepare(new KernelCache(folder), target, System.out::print);
    }

    @Test
    @Tag("slow")
    void compilesEveryTargetWithoutAPathOfThisMachine() throws IOException {
        for (CpuTarget target : CpuTarget.values()) {
            if (CCompiler.find(target.family().compilers(System.getProperty("os.arch")))
                    .isEmpty()) {
                assertThatThrownBy(() -> build(target)).hasMessageContaining("no C compiler");
                continue;
            }
            Path library = build(target).library();
            for (Path file : List.of(library, library.resolveSibling("entry.txt"))) {
                assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                        .as(file.toString())
                        .doesNotContain(folder.toString())
                        .doesNotContain(System.getProperty("user.dir"));
            }
        }
    }

    @Test
    @Tag("slow")
    void rebuildsALibraryThatIsWholeButDoesNotLoad() throws Exception {
        if (!compilerThere() || CpuTarget.running(CpuTarget.CPU_INFO).isEmpty()) {
            return; // nothing could be rebuilt or loaded; the refusals are tested elsewhere
        }
        CpuTarget target = CKernels.target(CpuTarget.CPU_INFO);
        Path library = build(target).library();
        byte[] foreign = "\177ELF of some other machine".getBytes(StandardCharsets.ISO_8859_1);
        Files.write(library, foreign);
        Path notes = library.resolveSibling("entry.txt");
        String hash = HexFormat.of()
                .formatHex(java.security.MessageDigest.getInstance("SHA-256").digest(foreign));
        Files.writeString(notes, Files.readString(notes).replaceFirst("library \\w+", "library " + hash));
        assertThat(build(target).library()).hasBinaryContent(foreign);
        try (Arena arena = Arena.ofShared()) {
            CLibrary loaded = CKernels.load(new KernelCache(folder), target, System.out::print, arena);
            assertThat(loaded.workspaceBytes()).isPositive();
        }
    }

    @Test
    void dependsOnEverythingThatDecidesTheCode() {
        KernelSource avx2 = CKernels.source(CpuTarget.AVX2);
        assertThat(avx2.options()).contains("-mavx2", "-mfma", "-ffp-contract=off");
        assertThat(avx2.files()).containsKeys("lanes.h", "fp8.h", "linear.c", "experts.c");
        assertThat(CKernels.source(CpuTarget.AVX512_VNNI).options()).contains("-mavx512f", "-mavx512vnni");
        assertThat(CKernels.source(CpuTarget.AVX512_BF16).options())
                .contains("-mavx512bf16")
                .doesNotContain("-mamx-bf16");
        assertThat(CKernels.source(CpuTarget.AMX).options()).contains("-mavx512bf16", "-mamx-tile", "-mamx-bf16");
        assertThat(avx2.target()).isNotEqualTo(CKernels.source(CpuTarget.AVX512).target());
    }

    @Test
    void choosesTargetsByFeatureNotByVendor() throws IOException {
        assertThat(CpuTarget.running(cpuInfo("fpu sse2 avx avx2 fma f16c"))).containsExactly(CpuTarget.AVX2);
        assertThat(CpuTarget.running(cpuInfo("fma avx512vl avx512bw avx512f avx2 f16c avx512dq sse2 sse2")))
                .containsExactly(CpuTarget.AVX2, CpuTarget.AVX512);
        assertThat(CpuTarget.running(cpuInfo("f16c fma avx2 avx_vnni")))
                .containsExactly(CpuTarget.AVX2, CpuTarget.AVX2_VNNI);
        assertThat(CpuTarget.running(cpuInfo("avx2 avx512f fma f16c"))).containsExactly(CpuTarget.AVX2);
        assertThat(CpuTarget.running(cpuInfo("avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16")))
                .containsExactly(CpuTarget.AVX512, CpuTarget.AVX512_VNNI, CpuTarget.AVX512_BF16);
        assertThat(CpuTarget.running(
                        cpuInfo("avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16 amx_tile amx_bf16")))
                .containsExactly(CpuTarget.AVX512, CpuTarget.AVX512_VNNI, CpuTarget.AVX512_BF16, CpuTarget.AMX);
        assertThat(CpuTarget.running(cpuInfo("avx2"))).isEmpty();
        assertThat(CpuTarget.running(folder.resolve("missing"))).isEmpty();
        assertThat(CpuTarget.running(Files.writeString(folder.resolve("arm"), "Features\t: fp asimd\n")))
                .isEmpty();
        assertThat(CpuTarget.running(Files.writeString(folder.resolve("arm"), "Features\t: fp asimd crc32 asimddp\n")))
                .containsExactly(CpuTarget.NEON);
        assertThatThrownBy(() -> CKernels.target(folder.resolve("missing")))
                .isInstanceOf(KernelException.class)
                .hasMessage(
                        "there are no C kernels for this processor (they need Linux, and AVX2 or Arm's dot products)");
    }

    private Path cpuInfo(String flags) throws IOException {
        return Files.writeString(
                folder.resolve("cpuinfo"), "processor\t: 0\nvendor_id\t: Some\nflags\t\t: " + flags + "\n");
    }

    @Test
    void takesACrossCompilerForAnotherFamilyOfProcessors() {
        assertThat(CpuTarget.NEON.family().compilers("amd64")).containsExactly("aarch64-linux-gnu-gcc");
        assertThat(CpuTarget.AVX2.family().compilers("aarch64")).containsExactly("x86_64-linux-gnu-gcc");
        assertThat(CpuTarget.NEON.family().compilers("aarch64")).isEqualTo(CCompiler.USUAL);
        assertThat(CKernels.source(CpuTarget.NEON).target()).isEqualTo("linux-aarch64-neon");
    }

    @Test
    void namesCompilersAsPeopleDo() {
        assertThat(compiler("gcc (Debian 12.2.0-14+deb12u1) 12.2.0").name()).isEqualTo("gcc 12.2.0");
        assertThat(compiler("gcc (GCC) 11.4.1 20231218 (Red Hat 11.4.1-3)").name())
                .isEqualTo("gcc 11.4.1");
        assertThat(compiler("clang clang version 14.0.0-1ubuntu1.1").name()).isEqualTo("clang 14.0.0");
        assertThat(compiler("gcc from somewhere").name()).isEqualTo("gcc");
    }

    private static CCompiler compiler(String identity) {
        return new CCompiler("cc", identity);
    }

    @Test
    void findsNoCompilerWhereThereIsNone() {
        assertThat(CCompiler.find(List.of("no-such-compiler-here", "false"))).isEmpty();
    }

    @Test
    void keepsTheCompilersMessages() throws IOException {
        Optional<CCompiler> found = CCompiler.find(CCompiler.USUAL);
        if (found.isEmpty()) {
            return; // there is nobody to say anything
        }
        KernelSource source = new KernelSource(
                "c",
                "broken",
                new java.util.TreeMap<>(java.util.Map.of("f.c", "int f(void) { return oops; }")),
                List.of());
        assertThatThrownBy(() -> new KernelCache(folder).library(source, found.get(), text -> {}))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("could not compile the kernels for broken");
        try (var files = Files.list(folder)) {
            assertThat(files.filter(file -> file.toString().endsWith(".log")).findFirst())
                    .hasValueSatisfying(log -> assertThat(log).content().contains("oops"));
        }
    }

    @Test
    void refusesMemoryThatCCannotReach() {
        try (Arena arena = Arena.ofShared();
                KernelBackend kernels = TestKernels.open(CpuTarget.AVX512, 1)) {
            if (!kernels.name().equals("c")) {
                return; // the vector backend takes memory of every kind
            }
            Tensor scales = new Tensor(arena.allocate(4, 4), 1, 1);
            Tensor onHeap = new Tensor(MemorySegment.ofArray(new float[4]), 1, 4);
            Tensor y = new Tensor(arena.allocate(8, 4), 1, 2);
            Arena closed = Arena.ofShared();
            var linear = kernels.bind(new Fp8BlockMatrix(closed.allocate(8), scales, 2, 4, 128, 128));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> linear.apply(onHeap, y))
                    .withMessageStartingWith("x: memory outside the Java heap is wanted");
            closed.close();
            Tensor x = new Tensor(arena.allocate(16, 4), 1, 4);
            assertThatThrownBy(() -> linear.apply(x, y))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("weight: its arena is closed");
        }
    }
}
