package dev.fathom.cli;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** How busy the JVM's JIT compilers are. */
final class CompilerLoad {
    private final @Nullable CompilationMXBean compilers = ManagementFactory.getCompilationMXBean();
    private long lastMillis = millis();
    private long lastNanos = System.nanoTime();

    /** Compilation since the last call, in seconds a second; above 1 where several compilers work. 0 without a JIT. */
    double sinceLast() {
        long millis = millis();
        long nanos = System.nanoTime();
        double load = (millis - lastMillis) * 1e6 / Math.max(1, nanos - lastNanos);
        lastMillis = millis;
        lastNanos = nanos;
        return load;
    }

    double secondsSinceLast() {
        return (System.nanoTime() - lastNanos) / 1e9;
    }

    private long millis() {
        return compilers == null || !compilers.isCompilationTimeMonitoringSupported()
                ? 0
                : compilers.getTotalCompilationTime();
    }
}
