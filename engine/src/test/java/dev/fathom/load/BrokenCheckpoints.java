package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Ways in which a whole checkpoint is broken, and what is said of each. */
final class BrokenCheckpoints {
    private BrokenCheckpoints() {}

    static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final String POINTER =
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 4302350824\n";

    /** Breaks a checkpoint in a folder. */
    interface Damage {
        void to(Path folder) throws IOException;
    }

    /**
     * @param start  which checkpoint is broken
     * @param said   parts of the sentence
     */
    record Case(String name, Start start, Damage damage, List<String> said) {
        @Override
        public String toString() {
            return name;
        }
    }

    enum Start {
        /** A random model with BF16 weights in one file, no tokenizer. */
        TINY,
        /** The embedded model: FP8 blocks in two files with an index, and a tokenizer. */
        NANO
    }

    private static Case tiny(String name, Damage damage, String... said) {
        return new Case(name, Start.TINY, damage, List.of(said));
    }

    private static Case nano(String name, Damage damage, String... said) {
        return new Case(name, Start.NANO, damage, List.of(said));
    }

    private static Damage config(String before, String after) {
        return edit("config.json", before, after);
    }

    private static Damage quantization(String json) {
        return config("{", "{\"quantization_config\": " + json + ",");
    }

    private static Damage edit(String file, String before, String after) {
        return folder -> {
            String text = Files.readString(folder.resolve(file));
            assertThat(text).contains(before);
            write(folder.resolve(file), text.replaceFirst(java.util.regex.Pattern.quote(before), after));
        };
    }

    private static Damage put(String file, String text) {
        return folder -> write(folder.resolve(file), text);
    }

    /** Never through a link into the build's own files. */
    private static void write(Path file, String text) throws IOException {
        Files.deleteIfExists(file);
        Files.writeString(file, text);
    }

    private static Damage remove(String file) {
        return folder -> Files.delete(folder.resolve(file));
    }

    /** Another header, its length before it. */
    private static Damage header(String before, String after) {
        return folder -> {
            byte[] file = Files.readAllBytes(folder.resolve(WEIGHTS));
            int length =
                    (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
            String header = new String(file, 8, length, StandardCharsets.UTF_8);
            assertThat(header).contains(before);
            byte[] changed = header.replace(before, after).getBytes(StandardCharsets.UTF_8);
            ByteBuffer out = ByteBuffer.allocate(8 + changed.length + file.length - 8 - length)
                    .order(ByteOrder.LITTLE_ENDIAN);
            out.putLong(changed.length).put(changed).put(file, 8 + length, file.length - 8 - length);
            Files.write(folder.resolve(WEIGHTS), out.array());
        };
    }

    private static Damage cut(String file, int bytes) {
        return folder -> {
            byte[] whole = Files.readAllBytes(folder.resolve(file));
            Files.delete(folder.resolve(file));
            Files.write(folder.resolve(file), Arrays.copyOf(whole, bytes));
        };
    }

    static Stream<Case> configurations() {
        return Stream.of(
                tiny("no config.json", remove("config.json"), "has no config.json", "give the folder that holds"),
                tiny("an empty config.json", put("config.json", ""), "config.json"),
                tiny("half a config.json", cut("config.json", 300), "config.json", "download"),
                tiny("a web page as config.json", put("config.json", "<!DOCTYPE html>"), "config.json", "download"),
                tiny("a list as config.json", put("config.json", "[]"), "config.json", "object"),
                tiny("another architecture", config("DeepseekV3For", "MixtralFor"), "MixtralForCausalLM", "DeepseekV3"),
                tiny("no architecture", config("architectures", "architecture"), "config.json", "architectures"),
                tiny(
                        "a wider model",
                        config("\"hidden_size\": 128", "\"hidden_size\": 256"),
                        "shape",
                        "256",
                        "config says"),
                tiny(
                        "more layers",
                        config("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4"),
                        "model.layers.3.",
                        "is missing in",
                        "config.json belongs"),
                tiny(
                        "fewer layers",
                        config("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"),
                        "does not use",
                        "model.layers.2.",
                        "config.json belongs"),
                tiny(
                        "more experts",
                        config("\"n_routed_experts\": 16", "\"n_routed_experts\": 32"),
                        "mlp.gate",
                        "config says"),
                tiny(
                        "another vocabulary",
                        config("\"vocab_size\": 320", "\"vocab_size\": 640"),
                        "shape [320, 128]",
                        "config says [640, 128]"),
                tiny(
                        "a number as text",
                        config("\"hidden_size\": 128", "\"hidden_size\": \"128\""),
                        "config.json",
                        "hidden_size"),
                tiny(
                        "no heads",
                        config("\"num_attention_heads\": 4", "\"num_attention_heads\": 0"),
                        "num_attention_heads",
                        "0"),
                tiny("a key left out", config("\"kv_lora_rank\": 64,", ""), "config.json", "kv_lora_rank"),
                tiny(
                        "another activation",
                        config("\"silu\"", "\"gelu\""),
                        "hidden_act gelu is not served, only silu is"),
                tiny(
                        "another rope",
                        config("\"rope_type\": \"yarn\",\n    \"type\": \"yarn\"", "\"rope_type\": \"longrope\""),
                        "longrope",
                        "is not served"),
                tiny("groups that do not divide experts", config("\"n_group\": 4", "\"n_group\": 5"), "of 5 groups"),
                tiny(
                        "bitsandbytes",
                        quantization("{\"quant_method\": \"bitsandbytes\"}"),
                        "quant_method bitsandbytes is not served",
                        "only fp8"),
                tiny(
                        "GPTQ",
                        quantization("{\"quant_method\": \"gptq\", \"bits\": 4}"),
                        "quant_method gptq is not served",
                        "awq"),
                tiny(
                        "FP8 of another kind",
                        quantization(
                                "{\"quant_method\": \"fp8\", \"fmt\": \"e5m2\", \"weight_block_size\": [128, 128]}"),
                        "fmt e5m2",
                        "only e4m3"),
                tiny(
                        "AWQ in one group",
                        quantization(
                                "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": -1, \"zero_point\": true}"),
                        "group_size -1 is not served",
                        "groups of 32, 64 or 128"),
                tiny(
                        "packed integers",
                        quantization("{\"quant_method\": \"compressed-tensors\", \"format\": \"pack-quantized\"}"),
                        "format pack-quantized is not served",
                        "only int-quantized and float-quantized"),
                nano(
                        "blocks of another size",
                        config("   128,\n   128\n", "   64,\n   64\n"),
                        "weight_scale_inv",
                        "shape",
                        "config says"),
                nano(
                        "another model's tokenizer",
                        config("\"vocab_size\": 4096", "\"vocab_size\": 1024"),
                        "tokenizer.json",
                        "vocab_size 1024",
                        "do not belong together"));
    }

    static Stream<Case> files() {
        return Stream.of(
                tiny("no weights", remove(WEIGHTS), "holds no weights", "download them"),
                tiny(
                        "weights of PyTorch",
                        folder -> Files.move(folder.resolve(WEIGHTS), folder.resolve("pytorch_model.bin")),
                        "pytorch_model.bin",
                        "get the safetensors version"),
                tiny(
                        "a file under another name",
                        folder -> Files.move(folder.resolve(WEIGHTS), folder.resolve("deepseek.safetensors")),
                        "deepseek.safetensors",
                        "rename a single file to model.safetensors"),
                tiny(
                        "an unfinished download",
                        put("model.safetensors.incomplete", "x"),
                        "not finished",
                        "model.safetensors.incomplete",
                        "hf download"),
                tiny(
                        "an LFS pointer",
                        put(WEIGHTS, POINTER),
                        "model.safetensors is a Git LFS pointer of 135 bytes",
                        "git lfs pull"),
                tiny(
                        "half a file of weights",
                        cut(WEIGHTS, 900_000),
                        "model.safetensors is truncated",
                        "download it again"),
                tiny(
                        "the start of a file of weights",
                        cut(WEIGHTS, 500),
                        "model.safetensors is truncated",
                        "download it again"),
                tiny("an empty file of weights", cut(WEIGHTS, 0), "has only 0 bytes", "download it again"),
                tiny(
                        "a web page as weights",
                        put(WEIGHTS, "<!DOCTYPE html><title>Not found</title>"),
                        "is not a safetensors file",
                        "download it again"),
                tiny(
                        "a header that is no JSON",
                        header("{\"__metadata__\"", "[\"__metadata__\""),
                        "model.safetensors: expected an object at line 1",
                        "download it again"),
                tiny(
                        "a tensor under another name",
                        header("model.layers.1.self_attn.o_proj", "model.layers.1.self_attn.oproj"),
                        "model.layers.1.self_attn.o_proj.weight is missing in",
                        "config.json belongs"),
                tiny("a tensor too many", header("\"lm_head.weight\"", "\"lm_head.bias\""), "lm_head"),
                tiny(
                        "a type that is not read",
                        header("\"model.norm.weight\":{\"dtype\":\"BF16\"", "\"model.norm.weight\":{\"dtype\":\"I16\""),
                        "model.norm.weight: dtype I16",
                        "weights must be F32"),
                tiny(
                        "a type that nobody knows",
                        header("\"model.norm.weight\":{\"dtype\":\"BF16\"", "\"model.norm.weight\":{\"dtype\":\"Q7\""),
                        "dtype Q7",
                        "is not known"),
                tiny(
                        "tensors that overlap",
                        header("\"data_offsets\":[0,64]", "\"data_offsets\":[64,128]"),
                        "overlap",
                        "download it again"),
                tiny(
                        "an index that names an absent file",
                        put(INDEX, "{\"weight_map\": {\"lm_head.weight\": \"model-00007-of-00163.safetensors\"}}"),
                        "model-00007-of-00163.safetensors is missing",
                        "1 of 1 files are missing",
                        "finish the download"),
                tiny(
                        "an index that leads elsewhere",
                        put(INDEX, "{\"weight_map\": {\"lm_head.weight\": \"../model.safetensors\"}}"),
                        "../model.safetensors",
                        "does not lie in its folder"),
                tiny("an index of nothing", put(INDEX, "{\"weight_map\": {}}"), "names no tensor", "download it again"),
                nano(
                        "one file of two",
                        remove("model-00002-of-00002.safetensors"),
                        "model-00002-of-00002.safetensors is missing",
                        "1 of 2 files are missing"),
                nano(
                        "an index of another version",
                        edit(INDEX, "model.layers.0.mlp.down_proj.weight\"", "model.layers.0.mlp.downproj.weight\""),
                        "index and weights are of different versions"),
                nano("no tokenizer", remove("tokenizer.json"), "tokenizer.json is missing", "--skip-tokenizer-init"),
                nano("half a tokenizer", cut("tokenizer.json", 10_000), "tokenizer.json", "download it again"),
                nano(
                        "an LFS pointer as tokenizer",
                        put("tokenizer.json", POINTER),
                        "tokenizer.json is a Git LFS pointer",
                        "git lfs pull"),
                nano("settings that are no JSON", put("generation_config.json", "{,}"), "generation_config.json"));
    }

    /** GGUF files, and paths that lead nowhere. */
    static Stream<Case> paths() {
        return Stream.of(
                tiny("no folder", folder -> {}, "does not exist", "give the path of a downloaded checkpoint"),
                tiny(
                        "a file of weights",
                        put("model.safetensors", "x"),
                        "is a file",
                        "the folder that holds config.json"),
                tiny(
                        "no GGUF file",
                        put("model.gguf", "<!DOCTYPE html><title>Not found</title>"),
                        "model.gguf",
                        "GGUF"),
                tiny("an empty GGUF file", put("model.gguf", ""), "model.gguf"),
                tiny(
                        "an LFS pointer as GGUF file",
                        put("model.gguf", POINTER),
                        "model.gguf is a Git LFS pointer",
                        "git lfs pull"));
    }
}
