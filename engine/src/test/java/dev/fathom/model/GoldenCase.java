package dev.fathom.model;

import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.tensor.WeightMatrix;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * One prompt and what the reference (transformers, float32 arithmetic) made of it.
 *
 * @param lastLogits  [vocabulary], at the prompt's last position
 * @param logSumExp   [prompt], of the logits at each position of the prompt
 * @param allLogits   [prompt * vocabulary]; empty where the reference has only the two above
 */
public record GoldenCase(
        int number, int[] prompt, int[] greedy, float[] lastLogits, float[] logSumExp, float[] allLogits) {
    private static final int TINY_VOCABULARY = 320;
    private static final int NANO_VOCABULARY = 4096;

    /** The tiny DeepSeek-V3, the one that comes with the logits at every position. */
    public static List<GoldenCase> tinyV3() {
        List<GoldenCase> cases = new ArrayList<>();
        try (SafetensorsSource logits = logits("golden/tiny-deepseek-v3/", "golden_logits.safetensors")) {
            for (JsonNode node : json("golden/tiny-deepseek-v3/golden.json").get("cases")) {
                int number = cases.size();
                int[] prompt = ints(node.get("prompt_ids"));
                WeightMatrix stored = logits.matrix("case" + number + ".logits", prompt.length, TINY_VOCABULARY);
                float[] all = new float[prompt.length * TINY_VOCABULARY];
                for (int i = 0; i < all.length; i++) {
                    all[i] = stored.get(i / TINY_VOCABULARY, i % TINY_VOCABULARY);
                }
                cases.add(withAllLogits(number, prompt, ints(node.get("greedy_ids")), all));
            }
        }
        return cases;
    }

    private static GoldenCase withAllLogits(int number, int[] prompt, int[] greedy, float[] all) {
        float[] logSumExp = new float[prompt.length];
        for (int position = 0; position < prompt.length; position++) {
            logSumExp[position] = GoldenRunner.logSumExp(
                    Arrays.copyOfRange(all, position * TINY_VOCABULARY, (position + 1) * TINY_VOCABULARY));
        }
        float[] last = Arrays.copyOfRange(all, all.length - TINY_VOCABULARY, all.length);
        return new GoldenCase(number, prompt, greedy, last, logSumExp, all);
    }

    /** @param model  folder below golden of a tiny model, such as tiny-deepseek-v2 */
    public static List<GoldenCase> tiny(String model) {
        return model.equals("tiny-deepseek-v3")
                ? tinyV3()
                : stored("golden/" + model + "/", "golden.json", "golden_logits.safetensors", TINY_VOCABULARY);
    }

    /** The tiny DeepSeek-V3.2 with its indexer in FP8. */
    public static List<GoldenCase> tinyV32WithFp8Indexer() {
        return stored("golden/tiny-deepseek-v32/", "golden_fp8.json", "golden_fp8_logits.safetensors", TINY_VOCABULARY);
    }

    /** @param weights nano_fp8 or nano_bf16 */
    public static List<GoldenCase> nano(String weights) {
        return stored("golden/nano/", weights + ".json", weights + "_logits.safetensors", NANO_VOCABULARY);
    }

    private static List<GoldenCase> stored(String folder, String name, String logitsName, int vocabulary) {
        List<GoldenCase> cases = new ArrayList<>();
        try (SafetensorsSource logits = logits(folder, logitsName)) {
            for (JsonNode node : json(folder + name).get("cases")) {
                int number = cases.size();
                int[] prompt = ints(node.get("prompt_ids"));
                cases.add(new GoldenCase(
                        number,
                        prompt,
                        ints(node.get("greedy_ids")),
                        logits.vector("case" + number + ".last_logits", vocabulary)
                                .toArray(),
                        logits.vector("case" + number + ".logsumexp", prompt.length)
                                .toArray(),
                        new float[0]));
            }
        }
        return cases;
    }

    /** The reference's logits at one position of the prompt, where it has all. */
    public float[] logitsAt(int position) {
        return Arrays.copyOfRange(allLogits, position * lastLogits.length, (position + 1) * lastLogits.length);
    }

    /** The same with only the first tokens of the answer. */
    public GoldenCase withGreedy(int tokens) {
        return new GoldenCase(number, prompt, Arrays.copyOf(greedy, tokens), lastLogits, logSumExp, allLogits);
    }

    private static SafetensorsSource logits(String folder, String name) {
        return SafetensorsSource.openFile(
                CheckpointFiles.resources(GoldenCase.class.getClassLoader(), folder, List.of(name)), name);
    }

    private static JsonNode json(String name) {
        try (InputStream in = Objects.requireNonNull(
                GoldenCase.class.getClassLoader().getResourceAsStream(name), name + " is not on the class path")) {
            return new ObjectMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
