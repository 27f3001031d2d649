package dev.fathom.cli;

import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;

/**
 * How many tokens the key-value cache holds, and why.
 *
 * @param tokens  a multiple of the page size
 * @param bytes   taken at start
 * @param reason  for the start banner
 */
record KvBudget(int tokens, long bytes, String reason) {
    /** Full contexts that a cache chosen from memory holds at most: more memory than that would rarely be used. */
    private static final int FULL_CONTEXTS = 16;

    /**
     * What the choice depends on.
     *
     * @param requestedTokens    {@code --max-total-tokens}, 0 for a choice from memory
     * @param memoryFraction     {@code --mem-fraction-static}: share of the machine's memory for weights and cache
     * @param machineBytes       memory of the machine, or of the container
     * @param maxRunningRequests more sequences than these never hold tokens at a time
     */
    record Limits(
            int requestedTokens,
            double memoryFraction,
            long machineBytes,
            long weightBytes,
            int contextLength,
            int maxRunningRequests,
            int pageSize) {}

    static KvBudget of(KvShape shape, KvFormat format, Limits limits) {
        long bytesPerToken = shape.bytesPerToken(format);
        if (limits.requestedTokens > 0) {
            return pages(limits.requestedTokens, bytesPerToken, limits.pageSize, "--max-total-tokens");
        }
        long budget = (long) (limits.memoryFraction * limits.machineBytes) - limits.weightBytes;
        long affordable = budget / bytesPerToken;
        String share = Units.format(
                "%.0f %% of %s memory less the weights", limits.memoryFraction * 100, Units.bytes(limits.machineBytes));
        if (affordable < limits.pageSize) {
            throw CliException.failure("No memory is left for the key-value cache: the weights take "
                    + Units.bytes(limits.weightBytes) + ", and --mem-fraction-static "
                    + Units.format("%.2f", limits.memoryFraction) + " of " + Units.bytes(limits.machineBytes)
                    + " memory is "
                    + Units.bytes((long) (limits.memoryFraction * limits.machineBytes))
                    + "; raise the fraction or use a machine with more memory.");
        }
        int contexts = Math.min(limits.maxRunningRequests, FULL_CONTEXTS);
        long useful = (long) limits.contextLength * contexts;
        if (useful < affordable) {
            return pages(
                    useful,
                    bytesPerToken,
                    limits.pageSize,
                    contexts + " full contexts; " + share + " would hold " + Units.count(affordable)
                            + ", see --max-total-tokens");
        }
        return pages(affordable, bytesPerToken, limits.pageSize, share);
    }

    private static KvBudget pages(long wanted, long bytesPerToken, int pageSize, String reason) {
        long tokens = Math.min(wanted, Integer.MAX_VALUE - pageSize) / pageSize * pageSize;
        if (tokens < 1) {
            throw CliException.usage(
                    "A cache of " + wanted + " tokens holds no page of " + pageSize + "; raise --max-total-tokens.");
        }
        return new KvBudget(Math.toIntExact(tokens), Math.multiplyExact(tokens, bytesPerToken), reason);
    }
}
