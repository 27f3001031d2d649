package dev.fathom.cli;

import dev.fathom.checkpoint.hub.HubRequest;
import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.KvFormat;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.WeightOptions;
import dev.fathom.model.IndexerForm;
import dev.fathom.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model runs, and on what: the flags of every command that loads one. */
final class ModelFlags {
    @Option(
            names = {"--model-path", "--model"},
            paramLabel = "MODEL",
            description =
                    "The checkpoint: a folder with config.json, tokenizer.json, safetensors, or a GGUF file, or the id of a model"
                            + " on a hub, which is downloaded. Default: the embedded model.")
    private @Nullable String modelPath;

    @Mixin
    private HubFlags hub = new HubFlags();

    @Option(
            names = "--tokenizer-path",
            paramLabel = "MODEL",
            description = "Where tokenizer.json is: a folder, or a hub's id. Default: the checkpoint's folder.")
    private @Nullable String tokenizerPath;

    @Option(
            names = "--chat-template",
            paramLabel = "FILE",
            description = "A Jinja template instead of the checkpoint's own.")
    private @Nullable Path chatTemplate;

    @Option(
            names = "--hf-chat-template-name",
            paramLabel = "NAME",
            description = "Which of the checkpoint's own templates, where it has several. Default: default.")
    private @Nullable String chatTemplateName;

    @Option(
            names = "--json-model-override-args",
            paramLabel = "JSON",
            description = "Keys that replace those of config.json, such as '{\"num_hidden_layers\": 4}'.")
    private @Nullable String configOverrides;

    @Option(
            names = "--context-length",
            paramLabel = "TOKENS",
            description = "Most tokens of a sequence. Default: what config.json says.")
    private int contextLength;

    @Option(
            names = "--load-format",
            paramLabel = "NAME",
            description = "auto, safetensors, or dummy: random weights, for which config.json is enough.")
    private String loadFormat = "auto";

    @Option(names = "--dtype", paramLabel = "NAME", description = "auto: weights as stored, arithmetic in float32.")
    private String dtype = "auto";

    @Option(
            names = "--quantization",
            paramLabel = "NAME",
            description =
                    "w8a8_int8 or fp8: BF16 weights are quantized at load, which halves their memory. awq: the checkpoint must be AWQ. Default: as the checkpoint is.")
    private @Nullable String quantization;

    @Option(
            names = "--kv-cache-dtype",
            paramLabel = "NAME",
            description =
                    "auto and bf16 (alias bfloat16), fp8_e4m3 (half as large), or float32. Default: ${DEFAULT-VALUE}.")
    private String kvCacheType = "auto";

    @Option(
            names = "--dsa-indexer-dtype",
            paramLabel = "NAME",
            description =
                    "DeepSeek-V3.2: in what its indexer compares tokens, float32 (as transformers) or fp8 (Hadamard transform and FP8, as DeepSeek's code). Default: ${DEFAULT-VALUE}.")
    private String indexerType = "float32";

    @Option(
            names = "--mem-fraction-static",
            paramLabel = "SHARE",
            description =
                    "Share of the machine's memory, or the GPU's, for weights and cache. Default: ${DEFAULT-VALUE}.")
    private double memoryFraction = 0.8;

    @Option(
            names = "--max-total-tokens",
            paramLabel = "TOKENS",
            description = "Size of the key-value cache. Default: from --mem-fraction-static.")
    private int maxTotalTokens;

    @Option(names = "--device", paramLabel = "NAME", description = "auto (a GPU if there is one), cuda or cpu.")
    private String device = "auto";

    @Option(
            names = "--kernel-backend",
            paramLabel = "NAME",
            description =
                    "Of the CPU: auto (the best there is), c (compiled here), vector (Java Vector API) or scalar (slow, the reference)."
                            + " Default: ${DEFAULT-VALUE}.")
    private String kernelBackend = "auto";

    @Mixin
    private KernelCacheFlag kernelCache = new KernelCacheFlag();

    @Mixin
    private CudaFlags cuda = new CudaFlags();

    @Option(names = "--threads", paramLabel = "N", description = "Worker threads. Default: one for each processor.")
    private int threads;

    @Option(
            names = "--threads-bind",
            paramLabel = "LIST",
            description =
                    "Processors the worker threads stay on, such as 0-7,16. Default: what SGLANG_CPU_OMP_THREADS_BIND says, else the system's choice.")
    private @Nullable String threadsBind;

    @Option(
            names = "--huge-pages",
            description =
                    "Weights in pages of 2 MiB, which are read faster: on Linux, for files on ext4 (from 6.16 on), XFS or Btrfs."
                            + " A file that is in memory in small pages is read once more.")
    private boolean hugePages;

    @Option(
            names = "--random-seed",
            paramLabel = "N",
            description = "Seeds what requests without a seed draw. Default: from the clock.")
    private @Nullable Long randomSeed;

    /**
     * What the flags say. A model of a hub is only named in it, see {@link #fetched}.
     *
     * @throws CliException naming a flag that cannot be used
     */
    LoadOptions options(Environment environment, boolean skipTokenizer) {
        oneOf("--load-format", loadFormat, "auto", "safetensors", "dummy");
        oneOf("--device", device, "auto", "cuda", "cpu");
        oneOf("--dtype", dtype, "auto");
        oneOf("--dsa-indexer-dtype", indexerType, "float32", "fp8");
        if (quantization != null) {
            oneOf("--quantization", quantization, "w8a8_int8", "fp8", "awq");
        }
        if (contextLength < 0 || threads < 0) {
            throw CliException.usage("--context-length and --threads must be positive.");
        }
        if (!(memoryFraction > 0 && memoryFraction < 1)) {
            throw CliException.usage("--mem-fraction-static must be between 0 and 1, got " + memoryFraction + ".");
        }
        if (chatTemplate != null && chatTemplateName != null) {
            throw CliException.usage("--chat-template leaves no use for --hf-chat-template-name.");
        }
        if (skipTokenizer && (tokenizerPath != null || chatTemplate != null || chatTemplateName != null)) {
            throw CliException.usage("--skip-tokenizer-init leaves no use for --tokenizer-path or a chat template.");
        }
        hub.requireHub(modelPath());
        ModelOptions model = new ModelOptions(
                        ModelOptions.DEFAULT.attentionForm(), ModelOptions.DEFAULT.prefixChunk(), contextLength, false)
                .withIndexerForm(indexerType.equals("fp8") ? IndexerForm.FP8 : IndexerForm.FLOAT);
        return LoadOptions.EMBEDDED
                .withModelPath(path("--model-path", modelPath))
                .withTokenizerPath(path("--tokenizer-path", tokenizerPath))
                .withKernelBackend(backend())
                .withKernelCache(kernelCache.folder(environment).orElse(null))
                .withCuda(cuda.options().withMemoryFraction(memoryFraction))
                .withThreads(threads)
                .withCpuBinding(binding(environment))
                .withModel(model)
                .withWeights(new WeightOptions(quantization, loadFormat.equals("dummy"), hugePages))
                .withAllowLongerContext(environment.longerContext())
                .withSkipTokenizer(skipTokenizer)
                .withChatTemplateName(chatTemplateName)
                .withConfigOverrides(configOverrides)
                .withChatTemplate(chatTemplate == null ? null : read(chatTemplate));
    }

    private static @Nullable Path path(String flag, @Nullable String text) {
        try {
            return text == null ? null : Path.of(text);
        } catch (InvalidPathException e) {
            throw CliException.usage(flag + " is not a path: " + e.getMessage() + ".");
        }
    }

    /** The same options with what is named by a hub's id downloaded, if it is not here yet. */
    LoadOptions fetched(LoadOptions options, Environment environment, Terminal terminal) throws InterruptedException {
        HubRequest.Part part = options.weights().random() ? HubRequest.Part.CONFIGURATION : HubRequest.Part.MODEL;
        LoadOptions fetched = options;
        if (modelPath != null) {
            fetched = fetched.withModelPath(hub.resolve(modelPath, part, environment, terminal));
        }
        if (tokenizerPath != null) {
            fetched = fetched.withTokenizerPath(
                    hub.resolve(tokenizerPath, HubRequest.Part.CONFIGURATION, environment, terminal));
        }
        return fetched;
    }

    private CpuBinding binding(Environment environment) {
        String list =
                threadsBind != null ? threadsBind : environment.threadsBind().orElse("");
        try {
            return list.isEmpty() ? CpuBinding.NONE : CpuBinding.parse(list);
        } catch (IllegalArgumentException e) {
            String from = threadsBind != null ? "--threads-bind" : Environment.THREADS_BIND;
            throw CliException.usage(from + ": " + e.getMessage() + ".");
        }
    }

    /** One name for the device and its kernels. */
    private String backend() {
        oneOf("--kernel-backend", kernelBackend, "auto", "c", "vector", "scalar");
        if (!kernelBackend.equals("auto")) {
            if (device.equals("cuda")) {
                throw CliException.usage("--kernel-backend " + kernelBackend
                        + " runs on the CPU: give --device cpu, or leave the flag out.");
            }
            return kernelBackend;
        }
        return device;
    }

    private static void oneOf(String flag, String value, String... supported) {
        for (String name : supported) {
            if (name.equals(value)) {
                return;
            }
        }
        throw CliException.usage(
                flag + " " + value + " is not supported in this version: use " + String.join(" or ", supported) + ".");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw CliException.failure("The chat template " + file + " cannot be read: " + reason(e));
        }
    }

    private static String reason(IOException e) {
        return e instanceof java.nio.file.NoSuchFileException ? "there is no such file." : e.toString();
    }

    KvFormat kvFormat() {
        return switch (kvCacheType) {
            case "auto", "bf16", "bfloat16" -> KvFormat.BF16;
            case "float32" -> KvFormat.F32;
            case "fp8_e4m3" -> KvFormat.FP8_E4M3;
            case "fp8_e5m2" ->
                throw CliException.usage(
                        "--kv-cache-dtype fp8_e5m2 is not served: DeepSeek's weights already are FP8 (E4M3), and a cache"
                                + " with two bits of mantissa beside them loses accuracy; fp8_e4m3 is as small and works.");
            default ->
                throw CliException.usage("--kv-cache-dtype " + kvCacheType
                        + " is not supported in this version: use auto, bf16, fp8_e4m3 or float32.");
        };
    }

    /** A path or a hub's id, as given. */
    Optional<String> modelPath() {
        return Optional.ofNullable(modelPath);
    }

    Optional<String> tokenizerPath() {
        return Optional.ofNullable(tokenizerPath);
    }

    double memoryFraction() {
        return memoryFraction;
    }

    /** 0 for a choice from memory. */
    int maxTotalTokens() {
        if (maxTotalTokens < 0) {
            throw CliException.usage("--max-total-tokens must be positive, got " + maxTotalTokens + ".");
        }
        return maxTotalTokens;
    }

    long randomSeed() {
        return randomSeed == null ? System.nanoTime() : randomSeed;
    }
}
