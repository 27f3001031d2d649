package dev.fathom.checkpoint;

import dev.fathom.tensor.DType;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** All weights of a checkpoint as they are published, whatever files they lie in: matrices, and vectors of floats. */
final class PublishedWeights implements AutoCloseable {
    private static final String KEY_VALUE = "kv_b_proj.weight";
    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private final WeightSource source;
    private final HfConfig config;
    private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

    private PublishedWeights(WeightSource source, HfConfig config) {
        this.source = source;
        this.config = config;
    }

    /** @throws CheckpointException if the files are not whole, or hold tensors that are neither matrix nor vector */
    static PublishedWeights open(CheckpointFiles files, HfConfig config) {
        if (files instanceof GgufCheckpoint gguf) {
            GgufSource source = gguf.source();
            return filled(new PublishedWeights(source, config), source.shapes());
        }
        List<Integer> block = config.objectIfPresent("quantization_config")
                .map(quantization -> quantization.integersOrNone("weight_block_size"))
                .filter(sizes -> sizes.size() == 2)
                .orElse(List.of(128, 128));
        SafetensorsSource source = SafetensorsSource.open(files, block.get(0), block.get(1));
        Map<String, List<Long>> all = new LinkedHashMap<>();
        source.names().forEach(name -> all.put(name, source.shape(name)));
        return filled(new PublishedWeights(source, config), all);
    }

    private static PublishedWeights filled(PublishedWeights weights, Map<String, List<Long>> all) {
        boolean whole = false;
        try {
            all.keySet().stream()
                    .sorted(Comparator.comparing(PublishedWeights::sortKey))
                    .forEach(name -> weights.add(name, all));
            whole = true;
            return weights;
        } finally {
            if (!whole) {
                weights.close();
            }
        }
    }

    private void add(String name, Map<String, List<Long>> all) {
        if (isScale(name, all)) {
            return;
        }
        if (name.endsWith(".k_b_proj.weight") || name.endsWith(".v_b_proj.weight")) {
            String joined = name.replaceFirst("[kv]_b_proj\\.weight$", KEY_VALUE);
            shapes.put(joined, List.of((long) heads() * (nope() + value()), (long) latent()));
            return;
        }
        List<Long> shape = all.get(name);
        if (shape == null || shape.isEmpty() || shape.size() > 2 || shape.contains(0L)) {
            throw new CheckpointException(name + " has the shape " + shape
                    + "; only matrices and vectors are converted, and none may be empty.");
        }
        shapes.put(name, shape);
    }

    /** Numbers in names count as numbers: layer 10 comes after layer 9. */
    private static String sortKey(String name) {
        Matcher number = NUMBER.matcher(name);
        return number.replaceAll(found -> "%09d".formatted(Long.parseLong(found.group())));
    }

    private static boolean isScale(String name, Map<String, List<Long>> all) {
        for (String suffix : List.of("_scale_inv", "_scale")) {
            if (name.endsWith(suffix) && all.containsKey(name.substring(0, name.length() - suffix.length()))) {
                return true;
            }
        }
        return false;
    }

    /** Names in order of layers, and their dimensions: one or two. */
    Map<String, List<Long>> shapes() {
        return shapes;
    }

    /** Whether a weight is stored in this type; never for GGUF files, whose types are their own. */
    boolean stores(DType type) {
        return source instanceof SafetensorsSource safetensors && safetensors.stores(type);
    }

    List<Long> shape(String name) {
        List<Long> shape = shapes.get(name);
        if (shape == null) {
            throw new CheckpointException(
                    config.where() + " needs " + name + ", which the checkpoint lacks: download it again.");
        }
        return shape;
    }

    RowReader rows(String name) {
        List<Long> shape = shape(name);
        if (shape.size() == 1) {
            return RowReader.of(vector(name));
        }
        if (name.endsWith(KEY_VALUE) && !source.contains(name)) {
            return joined(name);
        }
        return RowReader.of(matrix(name, shape.get(0), shape.get(1)));
    }

    float[] vector(String name) {
        Tensor vector = source.vector(name, Math.toIntExact(shape(name).getFirst()));
        return vector.toArray();
    }

    private WeightMatrix matrix(String name, long rows, long cols) {
        return source.matrix(name, Math.toIntExact(rows), Math.toIntExact(cols), Shard.WHOLE);
    }

    /** GGUF files have kv_b in two: the keys' half transposed, head by head. */
    private RowReader joined(String name) {
        int heads = heads();
        int nope = nope();
        int value = value();
        int latent = latent();
        String prefix = name.substring(0, name.length() - KEY_VALUE.length());
        WeightMatrix keys = matrix(prefix + "k_b_proj.weight", (long) heads * latent, nope);
        RowReader values = RowReader.of(matrix(prefix + "v_b_proj.weight", (long) heads * value, latent));
        return (row, to) -> {
            int head = (int) (row / (nope + value));
            int inHead = (int) (row % (nope + value));
            if (inHead >= nope) {
                values.read((long) head * value + inHead - nope, to);
                return;
            }
            for (int i = 0; i < latent; i++) {
                to[i] = keys.get(head * latent + i, inHead);
            }
        };
    }

    private int heads() {
        return config.integer("num_attention_heads");
    }

    private int nope() {
        return config.integer("qk_nope_head_dim");
    }

    private int value() {
        return config.integer("v_head_dim");
    }

    private int latent() {
        return config.integer("kv_lora_rank");
    }

    @Override
    public void close() {
        source.close();
    }
}
