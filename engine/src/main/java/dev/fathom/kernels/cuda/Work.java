package dev.fathom.kernels.cuda;

/**
 * The least that a launch has to move and to compute, for profiles.
 *
 * @param bytes       of weights or cache that it reads
 * @param operations  multiplications and additions on tensor cores
 */
record Work(double bytes, double operations) {
    static final Work UNKNOWN = new Work(0, 0);

    Work plus(Work other) {
        return new Work(bytes + other.bytes, operations + other.operations);
    }
}
