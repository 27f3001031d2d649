package dev.fathom.checkpoint;

import java.util.List;

/**
 * One tensor as a GGUF header describes it, checked against the file's size.
 *
 * @param shape  outermost dimension first (the file has them the other way round), all positive, at most four
 * @param begin  first byte in the file
 * @param bytes  what the shape needs in this type
 */
record GgufTensor(String name, GgufType type, List<Integer> shape, long begin, long bytes) {
    long end() {
        return begin + bytes;
    }

    /** The innermost dimension: inputs of a weight. */
    int cols() {
        return shape.getLast();
    }
}
