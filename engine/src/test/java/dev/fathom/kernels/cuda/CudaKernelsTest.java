package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KernelSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the sources in the jar to machine code, which needs NVIDIA's compiler but no GPU. */
class CudaKernelsTest {
    @TempDir
    private Path folder;

    @Test
    void compilesEveryKernel() throws IOException {
        Optional<Nvrtc> compiler = Nvrtc.find(Nvrtc.USUAL_FOLDERS);
        if (compiler.isEmpty()) {
            System.out.println("NVRTC is not installed here, so the CUDA kernels are not compiled.");
            assertThatThrownBy(() -> CudaKernels.prepare(
                            new KernelCache(folder), CudaKernels.source("sm_90a"), compiler, System.out::print))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("there are no compiled kernels for linux-sm_90a yet, and NVIDIA's compiler library"
                            + " (libnvrtc.so.13 or libnvrtc.so.12, part of the CUDA toolkit; LD_LIBRARY_PATH may name"
                            + " its folder) is not installed");
            return;
        }
        for (String target : List.of("sm_80", "sm_90a")) {
            KernelSource source = CudaKernels.source(target);
            Path library = CudaKernels.prepare(new KernelCache(folder), source, compiler, System.out::print)
                    .library();
            String machineCode = Files.readString(library, StandardCharsets.ISO_8859_1);
            assertThat(machineCode).startsWith("\177ELF").doesNotContain(folder.toString());
            List<String> names = kernelNames(target);
            for (String name : names) {
                assertThat(machineCode).contains(".text." + name + "\0");
            }
            System.out.println(compiler.get().name() + " compiled " + names.size() + " kernels for " + target + ".");
            assertThat(CudaKernels.prepare(new KernelCache(folder), source, Optional.empty(), System.out::print)
                            .library())
                    .as("without a compiler")
                    .isEqualTo(library);
        }
    }

    /** Every kernel's name, those of macros written out. */
    private static List<String> kernelNames(String target) {
        List<String> names = new ArrayList<>();
        for (String all : CudaKernels.source("sm_90a").files().values()) {
            String text = target.equals("sm_90a") ? all : withoutHopper(all);
            Matcher plain = Pattern.compile("^KERNEL (?:__launch_bounds__\\([^)]*\\) )?(\\w+)\\(", Pattern.MULTILINE)
                    .matcher(text);
            while (plain.find()) {
                names.add(plain.group(1));
            }
        }
        FORMATS.forEach((format, widths) -> {
            names.add("embed_" + format);
            for (int neighbours : widths) {
                names.add("linear_" + format + "_" + neighbours + "_1");
                names.add("linear_" + format + "_" + neighbours + "_8");
            }
        });
        for (String cache : List.of("F32", "BF16", "FP8_E4M3")) {
            names.addAll(List.of("store_latent_" + cache, "load_latent_" + cache, "store_heads_" + cache));
            names.addAll(List.of("attend_runs_" + cache + "_1", "attend_runs_" + cache + "_2"));
        }
        for (String format : List.of("BF16", "FP8")) {
            names.add("pair_" + format);
            for (String rows : List.of("_1", "_4")) {
                names.addAll(List.of("tensor_" + format + "_3" + rows, "tensor_" + format + "_1" + rows));
                names.add("gated_" + format + "_1" + rows);
            }
        }
        for (String cache : List.of("BF16", "FP8_E4M3")) {
            names.addAll(List.of("attend_latent_" + cache + "_1", "attend_latent_" + cache + "_4"));
        }
        names.add("attend_flash");
        for (String keys : List.of("F32", "BF16")) {
            names.addAll(List.of("index_scores_" + keys + "_0", "index_scores_" + keys + "_128"));
        }
        if (!target.equals("sm_90a")) {
            names.remove("quantized_gated");
        } else {
            List.of("16", "32", "64", "128")
                    .forEach(n -> names.addAll(List.of("matrix_small_" + n, "matrix_split_" + n)));
            List.of("16", "32", "64").forEach(n -> names.add("gated_matrix_small_" + n));
            names.addAll(List.of("matrix_large_128", "gated_matrix_large_128", "attend_prefill", "attend_absorbed"));
            List.of("quantized_32", "quantized_64", "quantized_128", "quantized_gated_32", "quantized_gated_64")
                    .forEach(names::add);
        }
        return names;
    }

    private static String withoutHopper(String text) {
        return Pattern.compile(
                        "^#if defined\\(__CUDA_ARCH_FEAT_SM90_ALL\\).*?^#endif", Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(text)
                .replaceAll("");
    }

    /** How many neighbours a thread may take at once, by format as kernels are named. */
    private static final Map<String, List<Integer>> FORMATS = Map.ofEntries(
            Map.entry("F32", List.of(1, 4)),
            Map.entry("BF16", List.of(1, 8)),
            Map.entry("F16", List.of(1, 8)),
            Map.entry("FP8", List.of(1, 8)),
            Map.entry("INT8", List.of(1, 8)),
            Map.entry("Q4_0", List.of(1)),
            Map.entry("Q4_1", List.of(1)),
            Map.entry("AWQ", List.of(1)),
            Map.entry("IQ4_NL", List.of(1)),
            Map.entry("IQ4_XS", List.of(1)),
            Map.entry("Q2_K", List.of(1)),
            Map.entry("Q5_1", List.of(1)),
            Map.entry("Q3_K", List.of(1)),
            Map.entry("Q5_0", List.of(1)),
            Map.entry("Q8_0", List.of(1)),
            Map.entry("Q4_K", List.of(1)),
            Map.entry("Q5_K", List.of(1)),
            Map.entry("Q6_K", List.of(1)));

    @Test
    void hasEveryFileOfTheProgram() {
        Map<String, String> files = CudaKernels.source("sm_90a").files();
        List<String> included = Objects.requireNonNull(files.get(Nvrtc.PROGRAM))
                .lines()
                .filter(line -> line.startsWith("#include"))
                .map(line -> line.replaceAll(".*\"(.*)\".*", "$1"))
                .toList();
        assertThat(included).hasSize(files.size() - 1);
        assertThat(files.keySet()).containsAll(included);
    }

    @Test
    void compilesForTheChipItselfAsOfHopper() {
        assertThat(CudaKernels.target(80)).isEqualTo("sm_80");
        assertThat(CudaKernels.target(90)).isEqualTo("sm_90a");
        assertThat(CudaKernels.target(120)).isEqualTo("sm_120a");
        assertThat(CudaKernels.source("sm_90a").options()).contains("--gpu-architecture=sm_90a");
        assertThat(CudaKernels.source("sm_90a").target()).isEqualTo("linux-sm_90a");
    }

    @Test
    void keepsTheCompilersMessages() throws IOException {
        Optional<Nvrtc> compiler = Nvrtc.find(Nvrtc.USUAL_FOLDERS);
        if (compiler.isEmpty()) {
            return; // there is nobody to say anything
        }
        KernelSource broken = new KernelSource(
                "cuda",
                "broken",
                new TreeMap<>(Map.of(Nvrtc.PROGRAM, "__global__ void f() { oops; }")),
                List.of("--gpu-architecture=sm_90a"));
        assertThatThrownBy(() -> CudaKernels.prepare(new KernelCache(folder), broken, compiler, text -> {}))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("could not compile the kernels for broken");
        try (var files = Files.list(folder)) {
            assertThat(files.filter(file -> file.toString().endsWith(".log")).findFirst())
                    .hasValueSatisfying(log -> assertThat(log).content().contains("oops"));
        }
    }
}
