package dev.fathom.kernels.c;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** An instruction set that the C kernels are written for. */
public enum CpuTarget {
    AVX2(CpuFamily.X86_64, "avx2 fma f16c"),
    /** With dot products of bytes. */
    AVX2_VNNI(CpuFamily.X86_64, "avx2 fma f16c avx_vnni"),
    AVX512(CpuFamily.X86_64, "avx512f avx512bw avx512dq avx512vl"),
    /** With dot products of bytes. */
    AVX512_VNNI(CpuFamily.X86_64, "avx512f avx512bw avx512dq avx512vl avx512_vnni"),
    /** With dot products of BF16, too. */
    AVX512_BF16(CpuFamily.X86_64, "avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16"),
    /** With matrix tiles of BF16, too. */
    AMX(CpuFamily.X86_64, "avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16 amx_tile amx_bf16"),
    /** With dot products of bytes, as servers have had them since Neoverse N1. */
    NEON(CpuFamily.AARCH64, "asimd asimddp");

    /** What Linux says about the processors, features that the kernel switched off left out. */
    public static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    /** As Linux names them; compilers leave the underscores out, or write a hyphen after amx. */
    private final String features;

    private final CpuFamily family;

    CpuTarget(CpuFamily family, String features) {
        this.family = family;
        this.features = features;
    }

    CpuFamily family() {
        return family;
    }

    /** The name {@code fathom compile --target} takes. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private List<String> features() {
        return List.of(features.split(" "));
    }

    List<String> options() {
        if (this == NEON) {
            return List.of("-march=armv8.2-a+dotprod");
        }
        return features().stream()
                .map(feature -> "-m" + feature.replace("amx_", "amx-").replace("_", ""))
                .toList();
    }

    public static Optional<CpuTarget> ofLabel(String label) {
        return Arrays.stream(values())
                .filter(target -> target.label().equals(label))
                .findFirst();
    }

    /** The names of all, for messages. */
    public static String labels() {
        return Arrays.stream(values()).map(CpuTarget::label).collect(Collectors.joining(", "));
    }

    /** All that run here, the widest last; none where {@code cpuInfo} does not exist or lists no features. */
    public static List<CpuTarget> running(Path cpuInfo) {
        Set<String> flags = flags(cpuInfo);
        return Arrays.stream(values())
                .filter(target -> flags.containsAll(target.features()))
                .toList();
    }

    /** The features of the first processor. */
    private static Set<String> flags(Path cpuInfo) {
        try (var lines = Files.lines(cpuInfo, StandardCharsets.ISO_8859_1)) {
            return lines.filter(line -> line.startsWith("flags") || line.startsWith("Features"))
                    .findFirst()
                    .map(line -> Set.copyOf(Arrays.asList(
                            line.substring(line.indexOf(':') + 1).strip().split("\\s+"))))
                    .orElse(Set.of());
        } catch (IOException e) {
            return Set.of(); // not Linux, or not for us to see
        }
    }
}
