package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.WeightMatrix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;

/** The nano model's BF16 checkpoint with its projections in AWQ's layout, rounded to nearest. */
public final class NanoAwq {
    private static final int GROUP = 128;
    /** Output i of eight lies in this nibble of the word. */
    private static final int[] NIBBLE = {0, 4, 1, 5, 2, 6, 3, 7};

    private final SafetensorsWriter out = new SafetensorsWriter();

    private NanoAwq() {}

    /** Writes config.json and model.safetensors into an empty folder. */
    public static void write(Path folder) {
        CheckpointFiles files = CheckpointFiles.folder(Bf16NanoCheckpoint.folder());
        NanoAwq awq = new NanoAwq();
        try (SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none())) {
            for (String name : new TreeSet<>(weights.names())) {
                awq.add(weights, name);
            }
            String config = new String(files.read("config.json"), java.nio.charset.StandardCharsets.UTF_8);
            Files.writeString(
                    folder.resolve("config.json"),
                    config.replaceFirst(
                            "\\{",
                            "{\"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128,"
                                    + " \"version\": \"gemm\", \"zero_point\": true},"));
            awq.out.write(folder.resolve("model.safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void add(SafetensorsSource weights, String name) {
        List<Integer> shape = weights.shape(name).stream().map(Long::intValue).toList();
        if (shape.size() == 1) {
            out.addF32(name, shape, weights.vector(name, shape.getFirst()).toArray());
            return;
        }
        WeightMatrix matrix = weights.matrix(name, shape.get(0), shape.get(1));
        if (name.contains("_proj.weight") && !name.contains("eh_proj")) {
            quantize(name.replace("weight", ""), matrix);
            return;
        }
        float[] numbers = new float[matrix.rows() * matrix.cols()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = matrix.get(i / matrix.cols(), i % matrix.cols());
        }
        out.addBf16(name, shape, numbers);
    }

    private void quantize(String stem, WeightMatrix w) {
        int words = w.rows() / 8;
        int groups = w.cols() / GROUP;
        MemorySegment codes = MemorySegment.ofArray(new byte[4 * w.cols() * words]);
        MemorySegment zeros = MemorySegment.ofArray(new byte[4 * groups * words]);
        MemorySegment scales = MemorySegment.ofArray(new byte[2 * groups * w.rows()]);
        for (int row = 0; row < w.rows(); row++) {
            for (int group = 0; group < groups; group++) {
                float low = 0;
                float high = 0;
                for (int i = group * GROUP; i < (group + 1) * GROUP; i++) {
                    low = Math.min(low, w.get(row, i));
                    high = Math.max(high, w.get(row, i));
                }
                short bits = Float.floatToFloat16(Math.max((high - low) / 15, 1e-5f));
                float scale = Float.float16ToFloat(bits);
                int zero = Math.clamp(Math.round(-low / scale), 0, 15);
                scales.set(Codecs.LE_SHORT, 2L * (group * w.rows() + row), bits);
                or(zeros, (long) group * words, row, zero);
                for (int i = group * GROUP; i < (group + 1) * GROUP; i++) {
                    or(codes, (long) i * words, row, Math.clamp(Math.round(w.get(row, i) / scale) + zero, 0, 15));
                }
            }
        }
        out.add(stem + "qweight", "I32", List.of(w.cols(), words), codes.toArray(ValueLayout.JAVA_BYTE));
        out.add(stem + "qzeros", "I32", List.of(groups, words), zeros.toArray(ValueLayout.JAVA_BYTE));
        out.add(stem + "scales", "F16", List.of(groups, w.rows()), scales.toArray(ValueLayout.JAVA_BYTE));
    }

    private static void or(MemorySegment words, long first, int row, int code) {
        long at = 4 * (first + row / 8);
        words.set(Codecs.LE_INT, at, words.get(Codecs.LE_INT, at) | code << (4 * NIBBLE[row % 8]));
    }
}
