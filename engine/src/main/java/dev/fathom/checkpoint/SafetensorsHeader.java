package dev.fathom.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The head of a safetensors file: 8 bytes of length (little-endian), then that many bytes of JSON, then the data that
 * its offsets count from. Nothing it says is believed before it is checked.
 *
 * @see "huggingface/safetensors, README, section Format"
 */
final class SafetensorsHeader {
    /** The limit of the reference implementation. */
    static final long MAX_HEADER_BYTES = 100_000_000;

    private static final int MAX_DIMENSIONS = 8;
    private static final ValueLayout.OfLong LE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String where;
    private final long fileBytes;
    private final long dataBegin;

    private SafetensorsHeader(String where, long fileBytes, long dataBegin) {
        this.where = where;
        this.fileBytes = fileBytes;
        this.dataBegin = dataBegin;
    }

    /**
     * The tensors of a file, in the order of their data.
     *
     * @param file   the whole file
     * @param where  the file's path, for messages
     * @throws CheckpointException if the file is cut short or the header contradicts itself
     */
    static List<TensorEntry> parse(MemorySegment file, String where) {
        long fileBytes = file.byteSize();
        if (fileBytes < 8) {
            throw new CheckpointException(where + " has only " + fileBytes
                    + " bytes, too few for a safetensors file: the download is cut short, download it again.");
        }
        long headerBytes = file.get(LE_LONG, 0);
        if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
            throw new CheckpointException(where + " is not a safetensors file: it begins with a header length of "
                    + Long.toUnsignedString(headerBytes) + " bytes, at most " + MAX_HEADER_BYTES
                    + " are allowed; download it again.");
        }
        if (headerBytes > fileBytes - 8) {
            throw new CheckpointException(where + " is truncated: its header has " + headerBytes
                    + " bytes, the whole file " + fileBytes + "; download it again.");
        }
        byte[] json = file.asSlice(8, headerBytes).toArray(ValueLayout.JAVA_BYTE);
        SafetensorsHeader header = new SafetensorsHeader(where, fileBytes, 8 + headerBytes);
        List<TensorEntry> entries = StrictJson.stream(json, where, header::readEntries);
        entries.sort(Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::end));
        header.requireDisjoint(entries);
        return entries;
    }

    private List<TensorEntry> readEntries(JsonParser parser) {
        List<TensorEntry> entries = new ArrayList<>();
        expect(parser, JsonToken.START_OBJECT, parser.nextToken(), "an object");
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            if (name.equals("__metadata__")) {
                readMetadata(parser);
            } else {
                entries.add(readEntry(parser, name));
            }
        }
        return entries;
    }

    private void readMetadata(JsonParser parser) {
        expect(parser, JsonToken.START_OBJECT, parser.nextToken(), "an object of texts as __metadata__");
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            expect(parser, JsonToken.VALUE_STRING, parser.nextToken(), "a text in __metadata__");
        }
    }

    private TensorEntry readEntry(JsonParser parser, String name) {
        expect(parser, JsonToken.START_OBJECT, parser.nextToken(), "an object for tensor " + name);
        StoredType type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            switch (parser.currentName()) {
                case "dtype" -> type = readType(parser, name);
                case "shape" -> shape = readNumbers(parser, name + ", shape");
                case "data_offsets" -> offsets = readNumbers(parser, name + ", data_offsets");
                default -> throw StrictJson.wrong(parser, "dtype, shape or data_offsets for tensor " + name, where);
            }
        }
        return check(name, type, shape, offsets);
    }

    private StoredType readType(JsonParser parser, String name) {
        expect(parser, JsonToken.VALUE_STRING, parser.nextToken(), "a text as dtype of tensor " + name);
        String text = parser.getString();
        return StoredType.of(text)
                .orElseThrow(() -> new CheckpointException(name + ": dtype " + text + " in " + where
                        + " is not known; known are " + Arrays.toString(StoredType.values())
                        + "; get the checkpoint in BF16 or FP8, or download it again."));
    }

    private List<Long> readNumbers(JsonParser parser, String what) {
        expect(parser, JsonToken.START_ARRAY, parser.nextToken(), "an array of numbers: " + what);
        List<Long> numbers = new ArrayList<>();
        while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
            // getLongValue refuses what does not fit 64 bits.
            long number = parser.getLongValue();
            if (number < 0 || numbers.size() == MAX_DIMENSIONS) {
                throw StrictJson.wrong(parser, "at most " + MAX_DIMENSIONS + " numbers, none negative: " + what, where);
            }
            numbers.add(number);
        }
        expect(parser, JsonToken.END_ARRAY, parser.currentToken(), "a number: " + what);
        return numbers;
    }

    private TensorEntry check(
            String name, @Nullable StoredType type, @Nullable List<Long> shape, @Nullable List<Long> offsets) {
        if (type == null || shape == null || offsets == null || offsets.size() != 2) {
            throw new CheckpointException(name + ": the header of " + where
                    + " must give dtype, shape and two data_offsets; the file is damaged, download it again.");
        }
        long begin = offsets.getFirst();
        long end = offsets.getLast();
        if (begin > end) {
            throw new CheckpointException(name + ": data_offsets " + offsets + " in " + where
                    + " run backwards; the file is damaged, download it again.");
        }
        if (end > fileBytes - dataBegin) {
            throw new CheckpointException(where + " is truncated: " + name + " ends at data byte " + end
                    + ", the file holds " + (fileBytes - dataBegin) + "; download it again.");
        }
        if (byteSize(type, shape) != end - begin) {
            throw new CheckpointException(name + ": shape " + shape + " of " + type + " does not fill the "
                    + (end - begin) + " bytes that " + where
                    + " gives it; the file is damaged, download it again.");
        }
        return new TensorEntry(name, type, List.copyOf(shape), dataBegin + begin, dataBegin + end);
    }

    /** Bytes of a dense tensor, or -1 when they exceed 63 bits, which no file can hold. */
    private static long byteSize(StoredType type, List<Long> shape) {
        if (shape.contains(0L)) {
            return 0;
        }
        long size = type.bytes();
        for (long dimension : shape) {
            if (Math.multiplyHigh(size, dimension) != 0 || size * dimension < 0) {
                return -1;
            }
            size *= dimension;
        }
        return size;
    }

    private void requireDisjoint(List<TensorEntry> sorted) {
        @Nullable TensorEntry last = null;
        for (TensorEntry entry : sorted) {
            if (entry.bytes() == 0) {
                continue;
            }
            if (last != null && entry.begin() < last.end()) {
                throw new CheckpointException(last.name() + " and " + entry.name() + " overlap in " + where
                        + "; the file is damaged, download it again.");
            }
            last = entry;
        }
    }

    private void expect(JsonParser parser, JsonToken wanted, @Nullable JsonToken got, String what) {
        StrictJson.expect(parser, wanted, got, what, where);
    }
}
