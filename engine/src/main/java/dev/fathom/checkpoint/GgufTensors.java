package dev.fathom.checkpoint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which tensors a DeepSeek model has in a GGUF file, in what shapes and encodings, and where their rows come from. */
final class GgufTensors {
    private static final Pattern EXPERT = Pattern.compile("(.*\\.mlp\\.experts\\.)(\\d+)(\\..*)");
    private static final String KEY_VALUE = ".self_attn.kv_b_proj.weight";

    private final HfConfig config;
    private final PublishedWeights weights;
    private final Map<String, ConvertedTensor> tensors = new LinkedHashMap<>();

    GgufTensors(HfConfig config, PublishedWeights weights) {
        this.config = config;
        this.weights = weights;
    }

    List<ConvertedTensor> list() {
        weights.shapes().forEach((name, shape) -> {
            Matcher expert = EXPERT.matcher(name);
            if (expert.matches()) {
                String stacked = expert.group(1) + GgufNames.EXPERT + expert.group(3);
                tensors.computeIfAbsent(stacked, published -> experts(published, shape));
            } else if (name.endsWith(KEY_VALUE)) {
                keyValue(name);
            } else {
                tensors.put(name, new ConvertedTensor(gguf(name), shape, encoding(name, shape), all -> all.rows(name)));
            }
        });
        return new ArrayList<>(tensors.values());
    }

    private ConvertedTensor experts(String stacked, List<Long> shape) {
        int experts = config.integer("n_routed_experts");
        long rows = shape.getFirst();
        for (int expert = 0; expert < experts; expert++) {
            String name = stacked.replace(GgufNames.EXPERT, Integer.toString(expert));
            if (!weights.shape(name).equals(shape)) {
                throw new CheckpointException(name + " has the shape " + weights.shape(name)
                        + ", other experts of the layer " + shape + ": download the checkpoint again.");
            }
        }
        List<Long> all = List.of((long) experts, rows, shape.getLast());
        return new ConvertedTensor(gguf(stacked), all, encoding(stacked, all), published -> {
            RowReader[] readers = new RowReader[experts];
            for (int expert = 0; expert < experts; expert++) {
                readers[expert] = published.rows(stacked.replace(GgufNames.EXPERT, Integer.toString(expert)));
            }
            return (row, to) -> readers[(int) (row / rows)].read(row % rows, to);
        });
    }

    /** The keys' half transposed, [heads, latent, nope], and the values' half, [heads, value, latent]. */
    private void keyValue(String name) {
        int heads = config.integer("num_attention_heads");
        int nope = config.integer("qk_nope_head_dim");
        int value = config.integer("v_head_dim");
        int latent = config.integer("kv_lora_rank");
        String prefix = name.substring(0, name.length() - "kv_b_proj.weight".length());
        List<Long> keys = List.of((long) heads, (long) latent, (long) nope);
        String keysName = prefix + "k_b_proj.weight";
        tensors.put(keysName, new ConvertedTensor(gguf(keysName), keys, encoding(keysName, keys), published -> {
            RowReader rows = published.rows(name);
            float[][][] transposed = new float[heads][latent][nope];
            float[] row = new float[latent];
            for (int head = 0; head < heads; head++) {
                for (int i = 0; i < nope; i++) {
                    rows.read((long) head * (nope + value) + i, row);
                    for (int l = 0; l < latent; l++) {
                        transposed[head][l][i] = row[l];
                    }
                }
            }
            return (at, to) -> System.arraycopy(transposed[(int) (at / latent)][(int) (at % latent)], 0, to, 0, nope);
        }));
        List<Long> values = List.of((long) heads, (long) value, (long) latent);
        String valuesName = prefix + "v_b_proj.weight";
        tensors.put(
                valuesName, new ConvertedTensor(gguf(valuesName), values, encoding(valuesName, values), published -> {
                    RowReader rows = published.rows(name);
                    return (at, to) -> rows.read(at / value * (nope + value) + nope + at % value, to);
                }));
    }

    /** Blocks want whole rows of them; norms and the router stay exact. */
    private static Encoding encoding(String name, List<Long> shape) {
        if (shape.size() == 1 || name.endsWith(".mlp.gate.weight")) {
            return Encoding.F32;
        }
        return shape.getLast() % Encoding.Q8_COLUMNS == 0 ? Encoding.Q8_0 : Encoding.BF16;
    }

    private static String gguf(String published) {
        return GgufNames.inFile(published)
                .orElseThrow(() -> new CheckpointException(
                        published + " has no place in a GGUF file; only DeepSeek's weights are written there."));
    }
}
