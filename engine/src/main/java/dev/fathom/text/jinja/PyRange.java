package dev.fathom.text.jinja;

/** Python's range. */
record PyRange(long start, long stop, long step) {
    /** The sandbox's own limit on a range's length. */
    static final int MAX_SIZE = 100_000;

    /** At most {@link #MAX_SIZE} for a range a template can have. */
    int size() {
        long span = step > 0 ? stop - start : start - stop;
        long stride = Math.abs(step);
        return span <= 0 ? 0 : (int) Math.min((span + stride - 1) / stride, Integer.MAX_VALUE);
    }

    long get(int index) {
        return start + index * step;
    }
}
