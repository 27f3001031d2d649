package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The nano model's BF16 checkpoint, byte for byte, rebuilt from the embedded FP8 one and the stored differences: four
 * shards, index, configuration, tokenizer, MTP layer included. {@code src/test/scripts/make_bf16_delta.py} made the
 * differences and describes their format.
 */
public final class Bf16NanoCheckpoint {
    /** The files of the embedded FP8 checkpoint. */
    public static final List<String> FP8_FILES = List.of(
            "config.json",
            "generation_config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json");

    private static final String GOLDEN = "golden/nano/";
    private static final String CHECKSUMS = "nano-bf16.sha256";

    /** The BF16 checkpoint has copies of embedding and head in its MTP layer, as published ones do; the FP8 one not. */
    private static final Map<String, String> COPIES = Map.of(
            "model.layers.6.embed_tokens.weight", "model.embed_tokens.weight",
            "model.layers.6.shared_head.head.weight", "lm_head.weight");

    private final CheckpointFiles fp8;
    private final SafetensorsSource weights;
    private final Path target;

    private Bf16NanoCheckpoint(CheckpointFiles fp8, SafetensorsSource weights, Path target) {
        this.fp8 = fp8;
        this.weights = weights;
        this.target = target;
    }

    /** The checkpoint's folder under {@code target/}; built by the first call, about a second, and kept. */
    public static Path folder() {
        return folder(Path.of("target"));
    }

    /**
     * The checkpoint's folder inside {@code parent}. It appears there whole or not at all, also when several processes
     * build it at once.
     */
    static Path folder(Path parent) {
        byte[] checksums = resource(CHECKSUMS);
        // Another version of the model has other checksums and so another folder.
        Path folder = parent.resolve("nano-bf16-" + sha256(checksums).substring(0, 8));
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(parent);
                build(folder, Files.createTempDirectory(parent, "nano-bf16-"), checksums);
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The embedded FP8 checkpoint. */
    public static CheckpointFiles embeddedFp8() {
        return CheckpointFiles.resources(Bf16NanoCheckpoint.class.getClassLoader(), "models/nano/", FP8_FILES);
    }

    /** File name to SHA-256 in hexadecimal, as recorded from the original checkpoint. */
    static Map<String, String> checksums() {
        Map<String, String> sums = new LinkedHashMap<>();
        new String(resource(CHECKSUMS), StandardCharsets.UTF_8)
                .lines()
                .forEach(line -> sums.put(line.substring(66), line.substring(0, 64)));
        return sums;
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static void build(Path folder, Path unfinished, byte[] checksums) throws IOException {
        CheckpointFiles fp8 = embeddedFp8();
        try (SafetensorsSource weights = SafetensorsSource.open(fp8, LoadProgress.none())) {
            new Bf16NanoCheckpoint(fp8, weights, unfinished).write();
        }
        Files.write(unfinished.resolve("SHA256SUMS"), checksums);
        try {
            Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
            deleteAll(unfinished); // another process was first
        }
    }

    private static void deleteAll(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    private static byte[] resource(String name) {
        return CheckpointFiles.resources(Bf16NanoCheckpoint.class.getClassLoader(), GOLDEN, List.of(name))
                .read(name);
    }

    private void write() throws IOException {
        Map<String, String> expected = checksums();
        InputStream packed = getClass().getClassLoader().getResourceAsStream(GOLDEN + "nano-bf16.delta");
        if (packed == null) {
            throw new CheckpointException(GOLDEN + "nano-bf16.delta is not on the class path: build again.");
        }
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new GZIPInputStream(packed, 1 << 16)))) {
            for (int files = in.readInt(); files > 0; files--) {
                String name = in.readUTF();
                byte[] bytes = switch (in.readUnsignedByte()) {
                    case 0 -> fp8.read(name);
                    case 1 -> in.readNBytes(in.readInt());
                    case 2 -> readWeights(in);
                    default -> throw new IOException(name + ": unknown kind of difference");
                };
                String sum = sha256(bytes);
                if (!sum.equals(expected.get(name))) {
                    throw new CheckpointException(name + ": rebuilt with SHA-256 " + sum + ", recorded is "
                            + expected.get(name) + "; run make_bf16_delta.py again if the embedded model changed.");
                }
                Files.write(target.resolve(name), bytes);
            }
        }
    }

    private byte[] readWeights(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes, 0, in.readInt());
        MemorySegment file = MemorySegment.ofArray(bytes);
        for (TensorEntry entry : SafetensorsHeader.parse(file, "nano-bf16.delta")) {
            MemorySegment data = file.asSlice(entry.begin(), entry.bytes());
            if (entry.shape().size() == 1) {
                Tensor vector = weights.vector(
                        entry.name(), Math.toIntExact(entry.shape().getFirst()));
                encode(vector, entry.type(), data);
                continue;
            }
            int rows = Math.toIntExact(entry.shape().getFirst());
            int cols = Math.toIntExact(entry.shape().getLast());
            WeightMatrix matrix = weights.matrix(COPIES.getOrDefault(entry.name(), entry.name()), rows, cols);
            switch (matrix) {
                case F32Matrix stored -> data.copyFrom(stored.data());
                case F16Matrix stored -> data.copyFrom(stored.data());
                case Bf16Matrix stored -> data.copyFrom(stored.data());
                case Fp8BlockMatrix stored -> addDistances(stored, in, data);
                case BlockMatrix stored -> throw new IOException(stored.format() + " in a safetensors file");
                case Int8Matrix stored -> throw new IOException("INT8 in nano's FP8 checkpoint");
            }
        }
        return bytes;
    }

    /** Vectors come as float32; going back to their stored type loses nothing. */
    private static void encode(Tensor vector, StoredType type, MemorySegment data) throws IOException {
        switch (type) {
            case F32 -> data.copyFrom(vector.data().asSlice(0, data.byteSize()));
            case BF16 -> {
                for (int i = 0; i < vector.cols(); i++) {
                    data.set(Codecs.LE_SHORT, 2L * i, Codecs.floatToBf16(vector.get(0, i)));
                }
            }
            default -> throw new IOException("a vector of type " + type + " in nano-bf16.delta");
        }
    }

    private static void addDistances(Fp8BlockMatrix fp8, DataInputStream in, MemorySegment data) throws IOException {
        byte[] row = new byte[fp8.cols()];
        long at = 0;
        for (int r = 0; r < fp8.rows(); r++) {
            MemorySegment.copy(fp8.data(), ValueLayout.JAVA_BYTE, (long) r * fp8.cols(), row, 0, row.length);
            for (int c = 0; c < row.length; c++) {
                float scale = fp8.scales().get(r / fp8.blockRows(), c / fp8.blockCols());
                int near = ordered(Codecs.floatToBf16(Codecs.e4m3ToFloat(row[c]) * scale));
                int distance = in.readByte();
                if (distance == Byte.MIN_VALUE) {
                    distance = in.readShort();
                }
                data.set(Codecs.LE_SHORT, at, bits(near + distance));
                at += 2;
            }
        }
    }

    /** BF16 bit patterns to integers in the order of their values. */
    private static int ordered(short bits) {
        return bits < 0 ? -(bits & 0x7FFF) : bits;
    }

    private static short bits(int ordered) {
        return (short) (ordered < 0 ? 0x8000 | -ordered : ordered);
    }
}
