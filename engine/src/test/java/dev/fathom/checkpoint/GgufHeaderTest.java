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
import org.junit.jupiter.params.provider.ValueSource;

class GgufHeaderTest {
    private static final String WHERE = "model.gguf";

    private static GgufHeader parse(byte[] file) {
        return GgufHeader.parse(MemorySegment.ofArray(file), WHERE);
    }

    private static void assertRefused(GgufWriter writer, String... parts) {
        assertRefused(writer.bytes(), parts);
    }

    private static void assertRefused(byte[] file, String... parts) {
        assertThatThrownBy(() -> parse(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(WHERE)
                .hasMessageContainingAll(parts);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsMetadataOfEveryType(int version) {
        GgufMetadata metadata = parse(new GgufWriter()
                        .version(version)
                        .pair("u8", 0, new byte[] {(byte) 200})
                        .pair("i8", 1, new byte[] {-3})
                        .pair("u16", 2, new byte[] {-1, -1})
                        .pair("i16", 3, new byte[] {-2, -1})
                        .u32("u32", 4_000_000_000L)
                        .pair("i32", 5, GgufWriter.little(4).putInt(-7).array())
                        .f32("f32", 0.5)
                        .flag("bool", true)
                        .text("text", "µ")
                        .pair("u64", 10, GgufWriter.little(8).putLong(1L << 40).array())
                        .pair("i64", 11, GgufWriter.little(8).putLong(-1).array())
                        .pair("f64", 12, GgufWriter.little(8).putDouble(0.1).array())
                        .texts("texts", List.of("a", "", "b"))
                        .i32s("ints", 3, -1)
                        .pair(
                                "floats",
                                9,
                                GgufWriter.little(16)
                                        .putInt(6)
                                        .putLong(1)
                                        .putFloat(2.5f)
                                        .array())
                        .pair(
                                "nested",
                                9,
                                GgufWriter.little(26)
                                        .putInt(9)
                                        .putLong(1)
                                        .putInt(0)
                                        .putLong(2)
                                        .put(new byte[] {5, 6})
                                        .array())
                        .bytes())
                .metadata();
        assertThat(metadata.whole("u8")).isEqualTo(200);
        assertThat(metadata.whole("i8")).isEqualTo(-3);
        assertThat(metadata.whole("u16")).isEqualTo(65535);
        assertThat(metadata.whole("i16")).isEqualTo(-2);
        assertThat(metadata.whole("u32")).isEqualTo(4_000_000_000L);
        assertThat(metadata.whole("i32")).isEqualTo(-7);
        assertThat(metadata.number("f32")).isEqualTo(0.5);
        assertThat(metadata.flagOr("bool", false)).isTrue();
        assertThat(metadata.text("text")).isEqualTo("µ");
        assertThat(metadata.whole("u64")).isEqualTo(1L << 40);
        assertThat(metadata.whole("i64")).isEqualTo(-1);
        assertThat(metadata.number("f64")).isEqualTo(0.1);
        assertThat(metadata.texts("texts")).containsExactly("a", "", "b");
        assertThat(metadata.wholes("ints")).containsExactly(3, -1);
        assertThat(metadata.values().get("floats")).isInstanceOf(GgufValue.Reals.class);
        assertThat(metadata.values().get("nested")).isInstanceOf(GgufValue.Arrays.class);
        assertThatThrownBy(() -> metadata.whole("text"))
                .hasMessageContaining("text is a text of 1 characters, expected an integer");
        assertThatThrownBy(() -> metadata.text("absent")).hasMessageContaining("no absent");
    }

    @Test
    void findsTensorsWithTheirPlaces() {
        List<GgufTensor> tensors = parse(new GgufWriter()
                        .f32s("a", List.of(2, 3), 1, 2, 3, 4, 5, 6)
                        .tensor("b", GgufType.Q8_0, List.of(4, 1, 32), new byte[4 * 34])
                        .bytes())
                .tensors();
        assertThat(tensors.getFirst().shape()).containsExactly(2, 3);
        assertThat(tensors.getFirst().bytes()).isEqualTo(24);
        assertThat(tensors.getLast().type()).isEqualTo(GgufType.Q8_0);
        assertThat(tensors.getLast().bytes()).isEqualTo(4 * 34);
        assertThat(tensors.getLast().begin() - tensors.getFirst().begin()).isEqualTo(32);
        assertThat(tensors.getFirst().begin() % 32).isZero();
    }

    @Test
    void refusesOtherFilesAndVersions() {
        assertRefused(new byte[0], "does not begin with GGUF");
        assertRefused(new byte[100], "does not begin with GGUF");
        assertRefused(new GgufWriter().version(1), "version 1");
        assertRefused(new GgufWriter().version(4), "version 4");
        assertRefused(new GgufWriter().version(3 << 24), "big-endian");
    }

    @Test
    void refusesCutFilesAtEveryByte() {
        byte[] whole = new GgufWriter()
                .u32("a.count", 3)
                .texts("a.texts", List.of("one", "two"))
                .f32s("t", List.of(8), 0, 1, 2, 3, 4, 5, 6, 7)
                .bytes();
        parse(whole);
        for (int length = 0; length < whole.length; length++) {
            assertRefused(Arrays.copyOf(whole, length), length < 8 ? "cut short" : "download it again");
        }
    }

    @Test
    void refusesCountsThatCannotBeTrue() {
        for (long count : new long[] {-1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 31, 1L << 60}) {
            byte[] tensors = new GgufWriter().u32("k", 1).bytes();
            ByteBuffer.wrap(tensors).order(ByteOrder.LITTLE_ENDIAN).putLong(8, count);
            assertRefused(tensors, "the number of tensors is " + Long.toUnsignedString(count));
            byte[] pairs = new GgufWriter().u32("k", 1).bytes();
            ByteBuffer.wrap(pairs).order(ByteOrder.LITTLE_ENDIAN).putLong(16, count);
            assertRefused(pairs, "the number of metadata keys is " + Long.toUnsignedString(count));
            for (int type = 0; type <= 12; type++) {
                byte[] array = GgufWriter.little(12).putInt(type).putLong(count).array();
                assertRefused(new GgufWriter().pair("k", 9, array), "the length of k is");
            }
            assertRefused(
                    new GgufWriter()
                            .pair("k", 8, GgufWriter.little(8).putLong(count).array()),
                    "the length of k is");
        }
    }

    @Test
    void refusesMoreValuesThanAnyModelHas() {
        int count = (1 << 24) + 1;
        byte[] array = GgufWriter.little(12 + count).putInt(0).putLong(count).array();
        assertRefused(new GgufWriter().pair("k", 9, array), "k makes more than 16777216 values");
    }

    @Test
    void refusesMetadataThatContradictsItself() {
        assertRefused(new GgufWriter().u32("k", 1).u32("k", 2), "k twice");
        assertRefused(new GgufWriter().pair("k", 13, new byte[8]), "k has the value type 13");
        assertRefused(new GgufWriter().pair("k", 7, new byte[] {2}), "k is 2, a boolean");
        assertRefused(
                new GgufWriter()
                        .pair(
                                "k",
                                8,
                                GgufWriter.little(9).putLong(1).put((byte) -1).array()),
                "not UTF-8");
        byte[] deep = GgufWriter.little(80).array();
        for (int i = 0; i < 6; i++) {
            ByteBuffer.wrap(deep)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(12 * i, 9)
                    .putLong(12 * i + 4, 1);
        }
        assertRefused(new GgufWriter().pair("k", 9, deep), "nests arrays");
        for (long alignment : new long[] {0, 4, 33, 1L << 21}) {
            assertRefused(new GgufWriter().u32("general.alignment", alignment), "general.alignment is " + alignment);
        }
    }

    @Test
    void refusesTensorsThatDoNotFitTheFile() {
        assertRefused(new GgufWriter().info("t", 0, new long[] {}, 0), "t has 0 dimensions");
        assertRefused(new GgufWriter().info("t", 0, new long[] {1, 1, 1, 1, 1}, 0), "t has 5 dimensions");
        assertRefused(new GgufWriter().info("t", 0, new long[] {0, 4}, 0), "a dimension of 0");
        assertRefused(new GgufWriter().info("t", 0, new long[] {4, -1}, 0), "a dimension of 18446744073709551615");
        assertRefused(new GgufWriter().info("t", 4, new long[] {32}, 0), "t has the type 4", "Q4_K");
        assertRefused(new GgufWriter().info("t", 12, new long[] {255}, 0), "rows of 255", "blocks of 256");
        assertRefused(new GgufWriter().info("t", 0, new long[] {8}, 0), "truncated", "0 bytes follow");
        int most = Integer.MAX_VALUE;
        assertRefused(new GgufWriter().info("t", 28, new long[] {most, most, most, most}, 0), "truncated");
        for (long offset : new long[] {-32, Long.MIN_VALUE}) {
            assertRefused(new GgufWriter().info("t", 0, new long[] {1}, offset), "not at a multiple of 32");
        }
        assertRefused(new GgufWriter().info("t", 0, new long[] {1}, 4), "not at a multiple of 32");
        assertRefused(new GgufWriter().info("t", 0, new long[] {1}, Long.MAX_VALUE - 31), "truncated");
        assertRefused(new GgufWriter().f32s("t", List.of(1), 1).info("t", 0, new long[] {1}, 0), "t twice");
        assertRefused(
                new GgufWriter().f32s("t", List.of(16), new float[16]).info("u", 0, new long[] {8}, 32),
                "t and u overlap");
    }
}
