package dev.fathom.checkpoint;

import java.util.List;

/** A value of GGUF metadata. Integers of all widths are one kind, as are floats. */
sealed interface GgufValue {
    /** Unsigned 64-bit numbers above {@link Long#MAX_VALUE} come out negative. */
    record Whole(long value) implements GgufValue {}

    record Real(double value) implements GgufValue {}

    record Flag(boolean value) implements GgufValue {}

    record Text(String value) implements GgufValue {}

    /** Integers, and booleans as 0 and 1. */
    record Wholes(long[] values) implements GgufValue {}

    record Reals(double[] values) implements GgufValue {}

    record Texts(List<String> values) implements GgufValue {}

    /** An array of arrays. */
    record Arrays(List<GgufValue> values) implements GgufValue {}
}
