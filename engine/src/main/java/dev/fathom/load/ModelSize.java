package dev.fathom.load;

import dev.fathom.kernels.KvShape;

/**
 * What a model's weights amount to in one format, and which of them a step reads.
 *
 * @param parameters       numbers in the checkpoint, drafting layers left out
 * @param weightBytes      of the checkpoint's tensors
 * @param copiedBytes      made at load beside them: the absorbed halves of kv_b_proj
 * @param everyStep        maps that every step reads: attention, dense and shared MLPs, routers, the head
 * @param decodeOnly       the absorbed halves, which decoding reads
 * @param promptOnly       kv_b_proj, which long prompts read instead
 * @param experts          all routed experts together
 * @param expertShare      of them, what one token reads: chosen / all
 */
public record ModelSize(
        long parameters,
        long weightBytes,
        long copiedBytes,
        Amount everyStep,
        Amount decodeOnly,
        Amount promptOnly,
        Amount experts,
        double expertShare,
        KvShape kvShape,
        int contextLength) {

    /** @param numbers multiplied and added once for each token that reads them */
    public record Amount(long bytes, long numbers) {
        static final Amount NONE = new Amount(0, 0);

        Amount plus(Amount other, long times) {
            return new Amount(bytes + times * other.bytes, numbers + times * other.numbers);
        }
    }

    /** What lies in memory besides the cache. */
    public long memoryBytes() {
        return weightBytes + copiedBytes;
    }

    /** Parameters that one token is multiplied with. */
    public long activeParameters() {
        return everyStep.numbers + promptOnly.numbers + (long) (expertShare * experts.numbers);
    }

    /** Weights read by a decoding step of so many sequences, whose tokens choose experts independently of each other. */
    public double decodeBytes(int batch) {
        double touched = 1 - Math.pow(1 - expertShare, batch);
        return everyStep.bytes + decodeOnly.bytes + touched * experts.bytes;
    }

    /** Multiply-adds count two. */
    public double decodeFlops(int batch) {
        return 2.0 * batch * (everyStep.numbers + decodeOnly.numbers + expertShare * experts.numbers);
    }

    /** Weights read by a chunk of so many prompt tokens. */
    public double promptBytes(int tokens) {
        return everyStep.bytes + promptOnly.bytes + (1 - Math.pow(1 - expertShare, tokens)) * experts.bytes;
    }

    public double promptFlops(int tokens) {
        return 2.0 * tokens * activeParameters();
    }
}
