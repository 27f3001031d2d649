package dev.fathom.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The head of a GGUF file, versions 2 and 3, little-endian: magic, counts, metadata, tensor descriptions; then, aligned,
 * the data that their offsets count from. Nothing it says is believed before it is checked.
 *
 * @param tensors  in the order of their data
 * @see "ggml, docs/gguf.md"
 */
record GgufHeader(GgufMetadata metadata, List<GgufTensor> tensors) {
    private static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    private static final int MAX_DIMENSIONS = 4;
    private static final int MAX_ALIGNMENT = 1 << 20;
    private static final long DEFAULT_ALIGNMENT = 32;
    private static final int MAX_NESTING = 4;

    /** Key length, one byte of key, type and one byte of value. */
    private static final int LEAST_PAIR_BYTES = 8 + 1 + 4 + 1;
    /** Name length, one byte of name, number of dimensions, one of them, type and offset. */
    private static final int LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

    /**
     * Reads and checks the head of a file.
     *
     * @param file   the whole file
     * @param where  the file's path, for messages
     * @throws CheckpointException if the file is cut short, is of another version, or contradicts itself
     */
    static GgufHeader parse(MemorySegment file, String where) {
        GgufCursor in = new GgufCursor(file, where);
        requireVersion(in);
        int tensorCount = in.count(LEAST_TENSOR_BYTES, "the number of tensors");
        int pairCount = in.count(LEAST_PAIR_BYTES, "the number of metadata keys");
        in.spend(tensorCount, "the number of tensors");
        Map<String, GgufValue> values = new LinkedHashMap<>();
        for (int i = 0; i < pairCount; i++) {
            String key = in.text("metadata key " + i);
            in.spend(1, key);
            if (values.put(key, value(in, in.i32("the type of " + key), key, 0)) != null) {
                throw new CheckpointException(
                        where + " gives the metadata key " + key + " twice; the file is damaged, download it again.");
            }
        }
        GgufMetadata metadata = new GgufMetadata(where, values);
        return new GgufHeader(metadata, tensors(in, tensorCount, alignment(metadata)));
    }

    private static void requireVersion(GgufCursor in) {
        if (in.left() < 8 || in.i32("the magic number") != MAGIC) {
            throw new CheckpointException(in.where() + " does not begin with GGUF, so it is not a GGUF file, or its"
                    + " download is cut short: download it again.");
        }
        int version = in.i32("the version");
        if (version == 2 || version == 3) {
            return;
        }
        int turned = Integer.reverseBytes(version);
        String what = turned == 2 || turned == 3
                ? "is a big-endian GGUF file, only little-endian ones are read: get that version."
                : "is of GGUF version " + Integer.toUnsignedString(version)
                        + ", only versions 2 and 3 are read: get the file from a current converter.";
        throw new CheckpointException(in.where() + " " + what);
    }

    private static GgufValue value(GgufCursor in, int type, String key, int depth) {
        return switch (type) {
            case 0 -> new GgufValue.Whole(in.u8(key));
            case 1 -> new GgufValue.Whole((byte) in.u8(key));
            case 2 -> new GgufValue.Whole(in.u16(key));
            case 3 -> new GgufValue.Whole((short) in.u16(key));
            case 4 -> new GgufValue.Whole(in.u32(key));
            case 5 -> new GgufValue.Whole(in.i32(key));
            case 6 -> new GgufValue.Real(in.f32(key));
            case 7 -> new GgufValue.Flag(flag(in, key));
            case 8 -> new GgufValue.Text(in.text(key));
            case 9 -> array(in, key, depth);
            case 10, 11 -> new GgufValue.Whole(in.i64(key));
            case 12 -> new GgufValue.Real(in.f64(key));
            default -> throw unknownType(in, type, key);
        };
    }

    private static GgufValue array(GgufCursor in, String key, int depth) {
        if (depth == MAX_NESTING) {
            throw new CheckpointException(in.where() + ": " + key + " nests arrays more than " + MAX_NESTING
                    + " deep; the file is damaged, download it again.");
        }
        int type = in.i32("the element type of " + key);
        int least = switch (type) {
            case 0, 1, 7 -> 1;
            case 2, 3 -> 2;
            case 4, 5, 6 -> 4;
            case 8, 10, 11, 12 -> 8;
            case 9 -> 12;
            default -> throw unknownType(in, type, key);
        };
        int count = in.count(least, "the length of " + key);
        in.spend(count, key);
        return switch (type) {
            case 6, 12 -> {
                double[] reals = new double[count];
                for (int i = 0; i < count; i++) {
                    reals[i] = type == 6 ? in.f32(key) : in.f64(key);
                }
                yield new GgufValue.Reals(reals);
            }
            case 8 -> {
                List<String> texts = new ArrayList<>(count);
                for (int i = 0; i < count; i++) {
                    texts.add(in.text(key));
                }
                yield new GgufValue.Texts(texts);
            }
            case 9 -> {
                List<GgufValue> arrays = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    arrays.add(array(in, key, depth + 1));
                }
                yield new GgufValue.Arrays(arrays);
            }
            default -> {
                long[] wholes = new long[count];
                for (int i = 0; i < count; i++) {
                    wholes[i] = switch (value(in, type, key, depth)) {
                        case GgufValue.Whole whole -> whole.value();
                        case GgufValue.Flag flag -> flag.value() ? 1 : 0;
                        case GgufValue other -> throw new IllegalStateException(other + " in an array of integers");
                    };
                }
                yield new GgufValue.Wholes(wholes);
            }
        };
    }

    private static boolean flag(GgufCursor in, String key) {
        int value = in.u8(key);
        if (value > 1) {
            throw new CheckpointException(in.where() + ": " + key + " is " + value
                    + ", a boolean must be 0 or 1; the file is damaged, download it again.");
        }
        return value == 1;
    }

    private static CheckpointException unknownType(GgufCursor in, int type, String key) {
        return new CheckpointException(in.where() + ": " + key + " has the value type " + Integer.toUnsignedString(type)
                + ", known are 0 to 12; the file is damaged, download it again.");
    }

    private static long alignment(GgufMetadata metadata) {
        long alignment = metadata.wholeOr("general.alignment", DEFAULT_ALIGNMENT);
        if (alignment < 8 || alignment > MAX_ALIGNMENT || Long.bitCount(alignment) != 1) {
            throw new CheckpointException(metadata.where() + ": general.alignment is "
                    + Long.toUnsignedString(alignment) + ", expected a power of two from 8 to " + MAX_ALIGNMENT
                    + "; the file is damaged, download it again.");
        }
        return alignment;
    }

    /** A tensor before the place of its data is known. */
    private record Description(String name, GgufType type, List<Integer> shape, long offset) {}

    private static List<GgufTensor> tensors(GgufCursor in, int count, long alignment) {
        List<Description> descriptions = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < count; i++) {
            Description description = description(in, i);
            if (!names.add(description.name)) {
                throw new CheckpointException(in.where() + " describes the tensor " + description.name
                        + " twice; the file is damaged, download it again.");
            }
            descriptions.add(description);
        }
        long fileBytes = in.at() + in.left();
        long dataBegin = (in.at() + alignment - 1) & -alignment;
        List<GgufTensor> tensors = new ArrayList<>();
        for (Description description : descriptions) {
            tensors.add(placed(description, dataBegin, fileBytes, alignment, in.where()));
        }
        tensors.sort(Comparator.comparingLong(GgufTensor::begin));
        requireDisjoint(tensors, in.where());
        return List.copyOf(tensors);
    }

    private static Description description(GgufCursor in, int index) {
        String name = in.text("the name of tensor " + index);
        long dimensions = in.u32("the dimensions of " + name);
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw new CheckpointException(name + " has " + dimensions + " dimensions in " + in.where()
                    + ", expected 1 to " + MAX_DIMENSIONS + "; the file is damaged, download it again.");
        }
        List<Integer> shape = new ArrayList<>();
        for (int i = 0; i < dimensions; i++) {
            long size = in.i64("the dimensions of " + name);
            if (size < 1 || size > Integer.MAX_VALUE) {
                throw new CheckpointException(name + " has a dimension of " + Long.toUnsignedString(size) + " in "
                        + in.where() + ", expected 1 to " + Integer.MAX_VALUE
                        + "; the file is damaged, download it again.");
            }
            shape.addFirst((int) size);
        }
        long id = in.u32("the type of " + name);
        GgufType type = GgufType.of(id)
                .orElseThrow(() -> new CheckpointException(name + " has the type " + id + " in " + in.where()
                        + ", which is not known; get the file in one of " + GgufType.served() + "."));
        if (shape.getLast() % type.elements() != 0) {
            throw new CheckpointException(name + " has rows of " + shape.getLast() + " in " + in.where() + ", but "
                    + type + " has blocks of " + type.elements() + "; the file is damaged, download it again.");
        }
        return new Description(name, type, List.copyOf(shape), in.i64("the offset of " + name));
    }

    private static GgufTensor placed(Description tensor, long dataBegin, long fileBytes, long alignment, String where) {
        long offset = tensor.offset;
        if (offset < 0 || offset % alignment != 0) {
            throw new CheckpointException(tensor.name + " begins at data byte " + Long.toUnsignedString(offset) + " in "
                    + where + ", not at a multiple of " + alignment + "; the file is damaged, download it again.");
        }
        // An offset beyond the file's size is cut to it, so that nothing here overflows.
        long room = fileBytes - dataBegin - Math.min(offset, fileBytes);
        long bytes = byteSize(tensor, Math.max(room, 0));
        if (bytes < 0) {
            throw new CheckpointException(where + " is truncated: " + tensor.name + " " + tensor.shape + " of "
                    + tensor.type + " begins at data byte " + offset + ", and " + Math.max(room, 0)
                    + " bytes follow there; download it again.");
        }
        return new GgufTensor(tensor.name, tensor.type, tensor.shape, dataBegin + offset, bytes);
    }

    /** Bytes of a tensor, or -1 when they are more than {@code room}. */
    private static long byteSize(Description tensor, long room) {
        long bytes = (long) tensor.shape.getLast() / tensor.type.elements() * tensor.type.bytes();
        for (int dimension : tensor.shape.subList(0, tensor.shape.size() - 1)) {
            if (bytes > room / dimension) {
                return -1;
            }
            bytes *= dimension;
        }
        return bytes <= room ? bytes : -1;
    }

    private static void requireDisjoint(List<GgufTensor> sorted, String where) {
        @Nullable GgufTensor last = null;
        for (GgufTensor tensor : sorted) {
            if (last != null && tensor.begin() < last.end()) {
                throw new CheckpointException(last.name() + " and " + tensor.name() + " overlap in " + where
                        + "; the file is damaged, download it again.");
            }
            last = tensor;
        }
    }
}
