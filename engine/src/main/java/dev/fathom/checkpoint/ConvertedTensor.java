package dev.fathom.checkpoint;

import java.util.List;
import java.util.Optional;

/**
 * A tensor that a conversion writes.
 *
 * @param shape  as published, outermost first; empty dimensions do not occur
 * @param rows   opened when it is written, on the weights as they are then
 */
record ConvertedTensor(String name, List<Long> shape, Encoding encoding, Source rows) {
    /** Where its numbers come from. */
    interface Source {
        RowReader open(PublishedWeights weights);
    }

    ConvertedTensor {
        shape = List.copyOf(shape);
    }

    long cols() {
        return shape.getLast();
    }

    /** All rows, of outer dimensions one after the other. */
    long rowCount() {
        long rows = 1;
        for (long dimension : shape.subList(0, shape.size() - 1)) {
            rows = Math.multiplyExact(rows, dimension);
        }
        return rows;
    }

    long bytes() {
        return Math.multiplyExact(rowCount(), encoding.bytes(cols()));
    }

    /** Blocks of rows, each with its scales. */
    long blocks() {
        return Math.ceilDiv(rowCount(), encoding.rowsPerBlock());
    }

    long scaleBytes() {
        return 4 * blocks() * encoding.scales(cols());
    }

    /** Name of the scales that are stored beside it; empty where there are none. */
    Optional<String> scaleName() {
        return switch (encoding) {
            case F32, BF16, Q8_0 -> Optional.empty();
            case FP8 -> Optional.of(name + "_scale_inv");
            case INT8 -> Optional.of(name + "_scale");
        };
    }
}
