package dev.fathom.engine;

/**
 * Random numbers that depend on nothing but a seed and a counter, so that a request draws the same whatever shares its
 * batch and however often it is recomputed. The mixing function is SplitMix64's.
 */
final class Draw {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private Draw() {}

    /** A number in [0, 1). */
    static double uniform(long seed, long counter) {
        return (bits(seed, counter) >>> 11) * 0x1.0p-53;
    }

    static long bits(long seed, long counter) {
        return mix(mix(seed + GOLDEN_GAMMA) + (counter + 1) * GOLDEN_GAMMA);
    }

    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
