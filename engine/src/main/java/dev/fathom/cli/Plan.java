package dev.fathom.cli;

import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.KvFormat;
import dev.fathom.load.MachineProbe;
import dev.fathom.load.ModelSize;
import dev.fathom.load.PlanFormat;
import org.jspecify.annotations.Nullable;

/** The arithmetic of planning: memory, then time. docs/performance.md compares it with what was measured. */
final class Plan {
    /** Of the measured speeds, what a whole step reaches beside its many small operations. */
    private static final double EFFICIENCY = 0.85;

    /** A prompt is computed in chunks of so many tokens, unless the cache is smaller. */
    private static final int PROMPT_CHUNK = 512;

    private Plan() {}

    /** @param name as it was given */
    record Subject(String name, HfConfig config) {}

    /**
     * @param memoryBytes  of one node, or of one GPU
     * @param fraction     of it, for weights and cache
     * @param gpus         of a node; 0 for its CPU
     * @param context      tokens of each sequence
     * @param sequences    at once, at most
     */
    record Machine(long memoryBytes, double fraction, int nodes, int gpus, int context, int sequences) {
        long usable() {
            return (long) (memoryBytes * fraction);
        }

        int devices() {
            return nodes * Math.max(gpus, 1);
        }
    }

    /**
     * One model in one format; where no other is named, the cache is BF16.
     *
     * @param speed     null until it was measured, and where nothing fits
     */
    record Row(
            Subject subject, PlanFormat format, ModelSize size, Machine machine, MachineProbe.@Nullable Speed speed) {
        boolean fits() {
            return kvTokens() > 0;
        }

        Row at(MachineProbe.Speed value) {
            return new Row(subject, format, size, machine, value);
        }

        long kvBytesPerToken() {
            return size.kvShape().bytesPerToken(KvFormat.BF16);
        }

        long kvTokens() {
            return kvTokens(KvFormat.BF16);
        }

        /** 0 where the weights alone are too large. */
        long kvTokens(KvFormat cache) {
            return Math.max(
                    0, (machine.usable() - size.memoryBytes()) / size.kvShape().bytesPerToken(cache));
        }

        long longestContext() {
            return Math.min(kvTokens(), size.contextLength());
        }

        int batch() {
            return (int) Math.clamp(kvTokens() / machine.context(), Math.min(1, kvTokens()), machine.sequences());
        }

        /** What a machine must have for the weights and one sequence of the context. */
        long neededBytes() {
            long content = size.memoryBytes() + kvBytesPerToken() * machine.context();
            return (long) Math.ceil(content / machine.fraction());
        }

        /** Tokens a second of so many sequences together. */
        double decodeRate(int sequences) {
            double cache = (double) sequences * Math.min(machine.context(), kvTokens()) * kvBytesPerToken();
            return sequences / seconds(size.decodeBytes(sequences) + cache, size.decodeFlops(sequences));
        }

        double promptRate() {
            return PROMPT_CHUNK / seconds(size.promptBytes(PROMPT_CHUNK), size.promptFlops(PROMPT_CHUNK));
        }

        /** Reading and multiplying hardly overlap: some operations of a step wait for memory, others for arithmetic. */
        private double seconds(double bytes, double flops) {
            if (speed == null) {
                throw new IllegalStateException("nothing was measured for " + format);
            }
            return (bytes / speed.bytesPerSecond() + flops / speed.flopsPerSecond()) / EFFICIENCY;
        }

        /** How it is started; empty where it is not. */
        String command() {
            return switch (format) {
                case PUBLISHED, BF16 -> serve(subject.name(), "");
                case FP8 -> serve(subject.name(), " --quantization fp8");
                case INT8 -> serve(subject.name(), " --quantization w8a8_int8");
                case Q8_0, Q4_K -> serve("model-" + format + ".gguf", "");
            };
        }

        private String serve(String path, String more) {
            String context = longestContext() < size.contextLength() ? " --context-length " + longestContext() : "";
            return "fathom serve --model-path " + path + more + context
                    + (machine.fraction() == 0.8 ? "" : " --mem-fraction-static " + machine.fraction());
        }
    }

    static Row row(Subject subject, PlanFormat format, ModelSize size, Machine machine) {
        return new Row(subject, format, size, machine, null);
    }
}
