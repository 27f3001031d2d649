package dev.fathom.checkpoint;

import java.util.List;

/**
 * One tensor as a safetensors header describes it, checked against the file's size.
 *
 * @param shape  dimensions, none negative; empty for a scalar
 * @param begin  first byte in the file
 * @param end    after the last byte; end - begin is the product of the shape times the element size
 */
record TensorEntry(String name, StoredType type, List<Long> shape, long begin, long end) {
    long bytes() {
        return end - begin;
    }
}
