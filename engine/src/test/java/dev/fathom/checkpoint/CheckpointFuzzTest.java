package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Damaged checkpoints: whatever the bytes are, they are read or refused by name, and nothing else happens. */
class CheckpointFuzzTest {
    private static final String[] FRAGMENTS = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\u0000",
        "-1",
        "0",
        "1e9",
        "99999999999999999999",
        "9223372036854775807",
        "4294967296",
        "null",
        "true",
        "\"shape\"",
        "\"dtype\"",
        "\"data_offsets\"",
        "\"weight_map\"",
        "__metadata__",
        "\"F32\"",
        "\"BF16\"",
        "\"F8_E4M3\"",
        "\"I64\"",
        "[[[[[[[[",
        "a.weight",
        "../",
        "model.safetensors",
        "\u00e4",
        "\ud83d"
    };

    /** Files in memory, so that a hundred thousand damaged checkpoints cost no disk. */
    private record MemoryFiles(Map<String, byte[]> files) implements CheckpointFiles {
        @Override
        public boolean exists(String name) {
            return files.containsKey(name);
        }

        @Override
        public byte[] read(String name) {
            byte[] bytes = files.get(name);
            if (bytes == null) {
                throw new CheckpointException("memory/" + name + " is missing");
            }
            return bytes;
        }

        @Override
        public MemorySegment map(String name, Arena arena) {
            byte[] bytes = read(name);
            MemorySegment memory = arena.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return memory.asReadOnly();
        }

        @Override
        public List<String> list() {
            return List.copyOf(files.keySet());
        }

        @Override
        public String describe(String name) {
            return "memory/" + name;
        }
    }

    @Test
    @Timeout(60)
    void refusesOrReadsEveryDamagedCheckpoint() {
        fuzz(Duration.ofMillis(1500), System.nanoTime());
    }

    @Test
    @Tag("slow")
    @Timeout(180)
    void refusesOrReadsEveryDamagedCheckpointForAMinute() {
        fuzz(Duration.ofSeconds(60), System.nanoTime());
    }

    private static void fuzz(Duration time, long seed) {
        Random random = new Random(seed);
        Map<String, byte[]> sound = sound();
        long deadline = System.nanoTime() + time.toNanos();
        int read = 0;
        int refused = 0;
        while (System.nanoTime() < deadline) {
            Map<String, byte[]> damaged = damage(sound, random);
            try {
                readAll(new MemoryFiles(damaged));
                read++;
            } catch (CheckpointException e) {
                assertThat(e.getMessage()).as("seed %d", seed).isNotBlank();
                refused++;
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
                throw new AssertionError("seed " + seed + ", checkpoint " + (read + refused + 1), e);
            }
        }
        System.out.printf("fuzz: seed %d, %d damaged checkpoints refused, %d read%n", seed, refused, read);
        assertThat(refused).isPositive();
    }

    /** A sharded checkpoint with every served format. */
    private static Map<String, byte[]> sound() {
        Map<String, byte[]> files = new TreeMap<>();
        SafetensorsWriter first = new SafetensorsWriter()
                .addFp8("a.weight", List.of(3, 5), new float[15])
                .addF32("a.weight_scale_inv", List.of(2, 2), 1, 2, 3, 4)
                .addF16("b.weight", List.of(2, 2), 1, 2, 3, 4);
        SafetensorsWriter second = new SafetensorsWriter()
                .addBf16("c.weight", List.of(4), 1, 2, 3, 4)
                .addF32("d.weight", List.of(2, 3), 1, 2, 3, 4, 5, 6)
                .add("ids", "I64", List.of(1, 1), new byte[8]);
        files.put("model-1.safetensors", first.bytes());
        files.put("model-2.safetensors", second.bytes());
        files.put(
                "model.safetensors.index.json",
                ("{\"metadata\":{\"total_size\":99},\"weight_map\":{\"a.weight\":\"model-1.safetensors\","
                                + "\"a.weight_scale_inv\":\"model-1.safetensors\",\"b.weight\":\"model-1.safetensors\","
                                + "\"c.weight\":\"model-2.safetensors\",\"d.weight\":\"model-2.safetensors\","
                                + "\"ids\":\"model-2.safetensors\"}}")
                        .getBytes(StandardCharsets.UTF_8));
        files.put(
                "config.json",
                ("{\"architectures\":[\"X\"],\"rows\":3,\"cols\":5,\"eps\":1e-6,\"tie\":false,\"act\":\"silu\","
                                + "\"eos\":[1,2],\"rope\":{\"factor\":40.0},\"block\":[2,4]}")
                        .getBytes(StandardCharsets.UTF_8));
        return files;
    }

    private static void readAll(CheckpointFiles files) {
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        config.architecture();
        config.number("eps");
        config.flag("tie");
        config.text("act");
        config.integersOrNone("eos");
        config.object("rope").numberOr("factor", 1);
        List<Integer> block = config.integers("block");
        int blockRows = block.isEmpty() ? 2 : block.getFirst();
        try (SafetensorsSource source = SafetensorsSource.open(files, blockRows, 4)) {
            source.pageIn(LoadProgress.none(), 1);
            for (String name : source.names()) {
                List<Long> shape = source.shape(name);
                if (shape.size() == 1 && shape.getFirst() < Integer.MAX_VALUE) {
                    source.vector(name, shape.getFirst().intValue()).toArray();
                }
            }
            readCorners(source.matrix("a.weight", config.integer("rows"), config.integer("cols")));
            readCorners(source.matrix("b.weight", 2, 2, new Shard(Shard.Axis.COLS, 1, 2)));
            readCorners(source.matrix("d.weight", 2, 3));
            source.ignore("ids");
            source.requireAllUsed();
        }
    }

    private static void readCorners(WeightMatrix matrix) {
        matrix.get(0, 0);
        matrix.get(matrix.rows() - 1, matrix.cols() - 1);
    }

    private static Map<String, byte[]> damage(Map<String, byte[]> sound, Random random) {
        Map<String, byte[]> damaged = new TreeMap<>(sound);
        List<String> names = List.copyOf(sound.keySet());
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            String name = names.get(random.nextInt(names.size()));
            byte[] bytes = damaged.get(name);
            if (bytes == null) {
                continue;
            }
            if (random.nextInt(50) == 0) {
                damaged.remove(name);
            } else {
                byte[] changed = damage(bytes, random);
                // A header length that fits the damaged header lets the damage through to the next checks.
                if (name.endsWith(".safetensors") && changed.length >= 8 && random.nextBoolean()) {
                    ByteBuffer both = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
                    both.putLong(0, headerBytes(bytes) + changed.length - bytes.length);
                }
                damaged.put(name, changed);
            }
        }
        return damaged;
    }

    private static long headerBytes(byte[] file) {
        return file.length < 8
                ? 0
                : ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    }

    private static byte[] damage(byte[] bytes, Random random) {
        int at = random.nextInt(bytes.length + 1);
        int length = Math.min(random.nextInt(16), bytes.length - at);
        return switch (random.nextInt(6)) {
            case 0 -> Arrays.copyOf(bytes, at);
            case 1 -> splice(bytes, at, length, new byte[0]);
            case 2 -> splice(bytes, at, 0, Arrays.copyOfRange(bytes, at, at + length));
            case 3 -> splice(bytes, at, random.nextInt(2) * length, fragment(random));
            case 4 -> {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                yield splice(bytes, at, length, noise);
            }
            default -> changeDigit(bytes, at, random);
        };
    }

    private static byte[] fragment(Random random) {
        return FRAGMENTS[random.nextInt(FRAGMENTS.length)].getBytes(StandardCharsets.UTF_8);
    }

    /** Damage that leaves the JSON well-formed: the next digit becomes another one. */
    private static byte[] changeDigit(byte[] bytes, int at, Random random) {
        byte[] copy = bytes.clone();
        for (int i = at; i < copy.length; i++) {
            if (copy[i] >= '0' && copy[i] <= '9') {
                copy[i] = (byte) ('0' + random.nextInt(10));
                return copy;
            }
        }
        return copy;
    }

    private static byte[] splice(byte[] bytes, int at, int cut, byte[] insert) {
        byte[] result = Arrays.copyOf(bytes, bytes.length - cut + insert.length);
        System.arraycopy(insert, 0, result, at, insert.length);
        System.arraycopy(bytes, at + cut, result, at + insert.length, bytes.length - at - cut);
        return result;
    }
}
