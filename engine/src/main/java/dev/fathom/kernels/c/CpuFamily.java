package dev.fathom.kernels.c;

import java.util.List;
import java.util.Locale;

/** Processors that run the same programs. */
enum CpuFamily {
    X86_64("amd64"),
    AARCH64("aarch64");

    /** The system property {@code os.arch} of a JVM on them. */
    private final String osArch;

    CpuFamily(String osArch) {
        this.osArch = osArch;
    }

    /** The name compilers and Linux use. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Commands of C compilers that make code for this family, on a machine whose JVM says {@code hostArch}. */
    List<String> compilers(String hostArch) {
        return hostArch.equals(osArch) ? CCompiler.USUAL : List.of(label() + "-linux-gnu-gcc");
    }
}
