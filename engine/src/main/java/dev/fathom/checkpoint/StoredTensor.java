package dev.fathom.checkpoint;

import dev.fathom.tensor.DType;
import java.lang.foreign.MemorySegment;

/** The bytes of one tensor in a mapped file, row-major, little-endian. */
record StoredTensor(String name, DType type, MemorySegment data) {}
