package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.DummyWeights;
import dev.fathom.checkpoint.GgufCheckpoint;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.QuantizedWeights;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.model.WeightQuantization;
import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.DType;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A checkpoint's weights as {@link WeightOptions} want them. */
final class WeightFiles {
    private static final int DEFAULT_BLOCK = 128;
    private static final long SEED = 1;

    private WeightFiles() {}

    /** @throws CheckpointException if they are stored in a format that cannot become the wanted one */
    static WeightSource open(WeightOptions options, CheckpointFiles files, HfConfig config, LoadProgress progress) {
        if (options.random()) {
            return random(options, files, config).within(memory(), progress);
        }
        if (files instanceof GgufCheckpoint gguf) {
            if (options.quantization() != null) {
                throw refused(options, config, "is a GGUF file, whose weights already are quantized");
            }
            return gguf.weights();
        }
        List<Integer> block = block(config);
        SafetensorsSource stored = SafetensorsSource.open(files, block.get(0), block.get(1));
        boolean opened = false;
        try {
            QuantizedWeights.Format format = wanted(options, config, stored);
            opened = true;
            return format == null ? stored : new QuantizedWeights(stored, format, progress);
        } finally {
            if (!opened) {
                stored.close();
            }
        }
    }

    /** Of the machine, or of the container this runs in. */
    private static long memory() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
    }

    /** What weights are to be quantized to; null where they stay. */
    private static QuantizedWeights.@Nullable Format wanted(
            WeightOptions options, HfConfig config, SafetensorsSource stored) {
        if (options.quantization() == null) {
            return null;
        }
        boolean awq = WeightQuantization.read(config) == WeightQuantization.AWQ;
        if (options.quantization().equals("awq")) {
            if (awq) {
                return null;
            }
            throw refused(options, config, "is not of AWQ weights; Fathom quantizes at load to w8a8_int8 and fp8 only");
        }
        if (awq) {
            throw refused(options, config, "is of weights that already are AWQ");
        }
        boolean int8 = options.quantization().equals("w8a8_int8");
        if (stored.stores(DType.F8_E4M3)) {
            throw refused(options, config, "is of weights that already are FP8");
        }
        if (stored.stores(DType.I8)) {
            if (int8) {
                return null;
            }
            throw refused(options, config, "is of weights that already are INT8");
        }
        return int8 ? QuantizedWeights.Format.INT8 : QuantizedWeights.Format.FP8;
    }

    private static CheckpointException refused(WeightOptions options, HfConfig config, String what) {
        return new CheckpointException("--quantization " + options.quantization() + " was given, but the checkpoint of "
                + config.where() + " " + what + "; leave the flag out to serve it as it is.");
    }

    /** Random weights in the formats that the real ones have, or are to have. */
    static DummyWeights random(WeightOptions options, CheckpointFiles files, HfConfig config) {
        if (files instanceof GgufCheckpoint gguf) {
            return gguf.mainFormat()
                    .map(format -> DummyWeights.blocks(format, SEED))
                    .orElseGet(() -> DummyWeights.bf16(SEED));
        }
        return random(options, config);
    }

    /** As config.json says that safetensors are. */
    static DummyWeights random(WeightOptions options, HfConfig config) {
        return switch (WeightQuantization.read(config)) {
            case FP8 -> DummyWeights.fp8(block(config), SEED);
            case FP8_ROWS -> DummyWeights.fp8(List.of(1, DEFAULT_BLOCK), SEED);
            case INT8_BLOCKS -> DummyWeights.int8(block(config), SEED);
            case INT8_ROWS -> DummyWeights.int8(List.of(), SEED);
            case AWQ -> DummyWeights.blocks(BlockFormat.AWQ, SEED);
            case NONE -> {
                if (options.quantization() == null) {
                    yield DummyWeights.bf16(SEED);
                }
                yield options.quantization().equals("w8a8_int8")
                        ? DummyWeights.int8(List.of(), SEED)
                        : DummyWeights.fp8(List.of(DEFAULT_BLOCK, DEFAULT_BLOCK), SEED);
            }
        };
    }

    /** Rows and columns of a block of FP8 or INT8; of a group of AWQ. */
    private static List<Integer> block(HfConfig config) {
        if (WeightQuantization.read(config) == WeightQuantization.AWQ) {
            return List.of(1, WeightQuantization.awqGroup(config.object("quantization_config")));
        }
        List<Integer> block = config.objectIfPresent("quantization_config")
                .map(quantization -> quantization.integersOrNone("weight_block_size"))
                .filter(sizes -> !sizes.isEmpty())
                .orElse(List.of(DEFAULT_BLOCK, DEFAULT_BLOCK));
        if (block.size() != 2 || block.get(0) < 1 || block.get(1) < 1) {
            throw new CheckpointException(config.where()
                    + ": quantization_config.weight_block_size must be two positive numbers, got " + block + ".");
        }
        return block;
    }
}
