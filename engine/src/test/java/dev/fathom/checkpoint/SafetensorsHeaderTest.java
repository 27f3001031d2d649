package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsHeaderTest {
    private static List<TensorEntry> parse(byte[] file) {
        return SafetensorsHeader.parse(MemorySegment.ofArray(file), "m/model.safetensors");
    }

    private static List<TensorEntry> parse(String header, int dataBytes) {
        return parse(SafetensorsWriter.raw(header, new byte[dataBytes]));
    }

    private static byte[] withLength(long headerBytes, int fileBytes) {
        return ByteBuffer.allocate(fileBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerBytes)
                .array();
    }

    private static void refused(byte[] file, String... parts) {
        assertThatThrownBy(() -> parse(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("m/model.safetensors")
                .hasMessageContaining("download it again")
                .hasMessageContainingAll(parts);
    }

    @Test
    void givesEntriesInOrderOfData() {
        String header = """
                {"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},"__metadata__":{"format":"pt"},
                 "a":{"data_offsets":[0,4],"shape":[],"dtype":"F32"},"empty":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}
                """;
        int begin = 8 + header.length();
        assertThat(parse(header, 30))
                .containsExactly(
                        new TensorEntry("a", StoredType.F32, List.of(), begin, begin + 4),
                        new TensorEntry("empty", StoredType.U8, List.of(0L), begin + 2, begin + 2),
                        new TensorEntry("b", StoredType.BF16, List.of(2L, 3L), begin + 8, begin + 20));
    }

    @Test
    void acceptsPaddedAndEmptyHeaders() {
        assertThat(parse("{}      ", 0)).isEmpty();
    }

    @Test
    void refusesFilesTooShortForTheirHeader() {
        refused(new byte[0], "only 0 bytes");
        refused(new byte[7], "only 7 bytes");
        refused(withLength(100, 50), "truncated");
        refused(withLength(Long.MAX_VALUE, 50), "at most 100000000");
        refused(withLength(-1, 50), "18446744073709551615");
        refused(withLength(100_000_001, 50), "at most 100000000");
        refused(withLength(0, 8), "expected an object", "found the end");
    }

    @Test
    void refusesTruncatedData() {
        byte[] whole =
                new SafetensorsWriter().addF32("w", List.of(2, 2), 1, 2, 3, 4).bytes();
        assertThat(parse(whole)).hasSize(1);
        refused(Arrays.copyOf(whole, whole.length - 1), "truncated", "w ends at data byte 16", "holds 15");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "[1] | expected an object",
                "{\"w\":1} | expected an object for tensor w",
                "{\"w\":{}} | must give dtype, shape and two data_offsets",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}} | two data_offsets",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}} | dtype, shape or data_offsets",
                "{\"w\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}} | a text as dtype",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}} | a number: w, shape",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}} | none negative: w, shape",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}} | at most 8 numbers",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}} | out of range",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}} | does not fill the 4 bytes",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}} | does not fill the 4 bytes",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}} | run backwards",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}} | none negative: w, data_offsets",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}} | truncated",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,9223372036854775807]}} | truncated",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[3,4]}} | a and b overlap",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}} | Duplicate",
                "{\"__metadata__\":{\"a\":1}} | a text in __metadata__",
                "{\"__metadata__\":[]} | an object of texts as __metadata__",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]} | not valid JSON",
                "{} {} | text after the end",
            })
    void refusesContradictoryHeaders(String header, String expected) {
        refused(SafetensorsWriter.raw(header, new byte[16]), expected);
    }

    @Test
    void refusesUnknownDtypeByName() {
        String header = "{\"w\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}";
        assertThatThrownBy(() -> parse(header, 1))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("w: dtype F4 in m/model.safetensors is not known");
    }

    @Test
    void refusesDeepNestingWithoutOverflow() {
        refused(SafetensorsWriter.raw("{\"__metadata__\":" + "[".repeat(1_000_000), new byte[0]), "__metadata__");
        refused(SafetensorsWriter.raw("[".repeat(1_000_000), new byte[0]), "expected an object");
    }
}
