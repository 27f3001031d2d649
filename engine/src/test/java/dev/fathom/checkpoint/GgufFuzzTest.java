package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.WeightMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Damaged GGUF files: whatever the bytes are, they are read or refused by name, and nothing else happens. */
class GgufFuzzTest {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        7,
        8,
        9,
        31,
        32,
        33,
        255,
        256,
        0x7FFFFFFFL,
        0x80000000L,
        0xFFFFFFFFL,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1
    };

    @TempDir
    Path folder;

    @Test
    void refusesOrReadsEveryDamagedFile() throws IOException {
        run(3_000, System.nanoTime() + Duration.ofSeconds(10).toNanos());
    }

    @Test
    @Tag("slow")
    @Timeout(120)
    void refusesOrReadsDamagedFilesForAMinute() throws IOException {
        run(Integer.MAX_VALUE, System.nanoTime() + Duration.ofSeconds(60).toNanos());
    }

    private void run(int rounds, long end) throws IOException {
        long seed = System.nanoTime();
        System.out.println("GgufFuzzTest seed " + seed);
        Random random = new Random(seed);
        byte[] sound = sound();
        Path file = folder.resolve("model.gguf");
        Files.write(file, sound);
        readAll(file);
        int refused = 0;
        int done = 0;
        for (; done < rounds && System.nanoTime() < end; done++) {
            Files.write(file, damaged(sound, random));
            try {
                readAll(file);
            } catch (CheckpointException e) {
                refused++;
                assertThat(e.getMessage()).as("seed %d round %d", seed, done).isNotBlank();
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", round " + done, e);
            }
        }
        System.out.println(refused + " of " + done + " damaged files refused");
        assertThat(refused).isGreaterThan(done / 2);
    }

    private static void readAll(Path file) {
        GgufCheckpoint checkpoint = GgufCheckpoint.open(file);
        HfConfig.parse(checkpoint.read("config.json"), "config.json").architecture();
        checkpoint.list().forEach(checkpoint::read);
        try (WeightSource weights = checkpoint.weights()) {
            corners(weights.matrix("model.embed_tokens.weight", 4, 32));
            corners(weights.matrix("model.layers.1.mlp.experts.1.up_proj.weight", 3, 32));
            corners(weights.matrix("model.layers.1.mlp.experts.1.down_proj.weight", 2, 256));
            corners(weights.matrix("model.layers.0.self_attn.k_b_proj.weight", 6, 4));
            weights.vector("model.norm.weight", 8).toArray();
            weights.ignore("model.layers.1.mlp.experts.0.");
            weights.requireAllUsed();
        }
    }

    private static void corners(WeightMatrix matrix) {
        matrix.get(0, 0);
        matrix.get(matrix.rows() - 1, matrix.cols() - 1);
    }

    private static byte[] damaged(byte[] sound, Random random) {
        byte[] bytes = sound.clone();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                case 3 -> {
                    long number = NUMBERS[random.nextInt(NUMBERS.length)];
                    byte[] eight = GgufWriter.little(8).putLong(number).array();
                    System.arraycopy(eight, 0, bytes, at, Math.min(4 + 4 * random.nextInt(2), bytes.length - at));
                }
                default -> {
                    byte[] longer = Arrays.copyOf(bytes, bytes.length + 8);
                    System.arraycopy(bytes, at, longer, at + 8, bytes.length - at);
                    bytes = longer;
                }
            }
        }
        return bytes;
    }

    private static byte[] sound() {
        return new GgufWriter()
                .text("general.architecture", "deepseek2")
                .u32("deepseek2.block_count", 3)
                .u32("deepseek2.nextn_predict_layers", 1)
                .u32("deepseek2.context_length", 64)
                .u32("deepseek2.embedding_length", 32)
                .u32("deepseek2.feed_forward_length", 64)
                .u32("deepseek2.attention.head_count", 2)
                .f32("deepseek2.attention.layer_norm_rms_epsilon", 1e-6)
                .u32("deepseek2.attention.kv_lora_rank", 3)
                .u32("deepseek2.attention.key_length_mla", 8)
                .u32("deepseek2.attention.value_length_mla", 4)
                .u32("deepseek2.rope.dimension_count", 4)
                .text("deepseek2.rope.scaling.type", "yarn")
                .f32("deepseek2.rope.scaling.factor", 4)
                .u32("deepseek2.rope.scaling.original_context_length", 16)
                .f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.1)
                .u32("deepseek2.expert_count", 2)
                .u32("deepseek2.expert_used_count", 1)
                .u32("deepseek2.expert_feed_forward_length", 3)
                .u32("deepseek2.expert_gating_func", 2)
                .flag("deepseek2.expert_weights_norm", true)
                .text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", "deepseek-v3")
                .texts("tokenizer.ggml.tokens", List.of("<b>", "a", "b", "ab"))
                .i32s("tokenizer.ggml.token_type", 3, 1, 1, 1)
                .texts("tokenizer.ggml.merges", List.of("a b"))
                .u32("tokenizer.ggml.bos_token_id", 0)
                .text("tokenizer.chat_template", "{{ messages }}")
                .tensor("token_embd.weight", GgufType.Q8_0, List.of(4, 32), new byte[4 * 34])
                .tensor("blk.1.ffn_up_exps.weight", GgufType.Q5_0, List.of(2, 3, 32), new byte[6 * 22])
                .tensor("blk.1.ffn_down_exps.weight", GgufType.Q6_K, List.of(2, 2, 256), new byte[4 * 210])
                .tensor("blk.0.attn_k_b.weight", GgufType.BF16, List.of(2, 3, 4), new byte[48])
                .f32s("output_norm.weight", List.of(8), 1, 2, 3, 4, 5, 6, 7, 8)
                .bytes();
    }
}
