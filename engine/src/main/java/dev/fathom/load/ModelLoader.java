package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.GgufCheckpoint;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelException;
import dev.fathom.model.CausalLm;
import dev.fathom.text.ChatTemplate;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.TokenizerException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A checkpoint becomes a model that runs. Everything cheap is checked before anything heavy happens. */
public final class ModelLoader {
    /** The embedded model, by name; also what {@link LoadedModel#modelPath} says of it. */
    public static final String EMBEDDED = "nano";

    private static final String EMBEDDED_PREFIX = "models/nano/";
    private static final List<String> EMBEDDED_FILES = List.of(
            "config.json",
            "generation_config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json");

    /** More threads do not read a disk faster. */
    private static final int PAGE_IN_THREADS = 4;

    private static final String TOKENIZER_FILE = "tokenizer.json";

    private ModelLoader() {}

    /**
     * Loads what {@code options} name.
     *
     * @param progress  told while kernels are compiled and weights are read
     * @throws CheckpointException  one sentence: what is wrong, where, and what to do
     * @throws TokenizerException   if tokenizer.json cannot be served
     * @throws dev.fathom.text.TemplateException if the chat template cannot be read
     */
    public static LoadedModel load(LoadOptions options, LoadProgress progress) {
        long start = System.nanoTime();
        CheckpointFiles files = files(options.modelPath());
        HfConfig config = checked(options, files);

        Deque<Runnable> undo = new ArrayDeque<>();
        try {
            // Headers before the tokenizer, which takes longer to read: what is wrong with weights is said at once.
            WeightSource weights = WeightFiles.open(options.weights(), files, config, progress);
            undo.push(weights::close);
            Text text = options.skipTokenizer() ? Text.NONE : text(options, files, config);
            GenerationDefaults defaults = GenerationDefaults.read(files);
            Set<Integer> endTokenIds = GenerationDefaults.endTokenIds(files, config);
            KernelBackend kernels = Backends.open(options, progress);
            undo.push(kernels::close);
            CausalLm model = model(options, config, weights, kernels, progress);
            undo.push(model::close);
            pageIn(options, weights, kernels, progress);
            LoadedModel loaded = new LoadedModel(
                    model,
                    kernels,
                    text.tokenizer(),
                    text.template(),
                    text.config(),
                    defaults,
                    endTokenIds,
                    options.modelPath() == null ? EMBEDDED : options.modelPath().toString(),
                    name(options.modelPath()),
                    config,
                    weights,
                    Duration.ofNanos(System.nanoTime() - start));
            undo.clear();
            return loaded;
        } finally {
            // Empty after a whole load; otherwise what was opened, last first.
            undo.forEach(Runnable::run);
        }
    }

    /**
     * Reads config.json and no more: whether there is a model that may be served.
     *
     * @throws CheckpointException as {@link #load}
     */
    public static void check(LoadOptions options) {
        checked(options, files(options.modelPath()));
    }

    private static HfConfig checked(LoadOptions options, CheckpointFiles files) {
        HfConfig config = config(options, files);
        Architectures.requireServed(config);
        checkContext(options, config);
        return config;
    }

    private static void pageIn(
            LoadOptions options, WeightSource weights, KernelBackend kernels, LoadProgress progress) {
        int threads = Math.min(PAGE_IN_THREADS, Runtime.getRuntime().availableProcessors());
        if (kernels.memoryBytes().isPresent()) { // they have been read, and lie there
            if (options.weights().hugePages()) {
                throw new CheckpointException("--huge-pages is for the processor's memory, and the weights lie in a"
                        + " GPU's: leave the flag out, or give --device cpu.");
            }
        } else if (options.weights().hugePages()) {
            weights.pageInHuge(progress, threads);
        } else {
            weights.pageIn(progress, threads);
        }
    }

    private static CausalLm model(
            LoadOptions options, HfConfig config, WeightSource weights, KernelBackend kernels, LoadProgress progress) {
        long bytes = weights.totalBytes();
        try {
            kernels.beginPlacing(bytes, placed -> {
                // Random weights are not known beforehand; what is made of weights at load is placed, too.
                if (placed <= bytes) {
                    progress.advance(placed, bytes);
                }
            });
            return Architectures.load(config, weights, kernels, options.model());
        } catch (KernelException e) {
            throw new CheckpointException(config.where() + ": " + e.getMessage() + "; use --device cpu.", e);
        }
    }

    /**
     * The files of a checkpoint.
     *
     * @param modelPath  a folder or a GGUF file; null is the embedded model
     */
    public static CheckpointFiles files(@Nullable Path modelPath) {
        if (modelPath == null) {
            return CheckpointFiles.resources(ModelLoader.class.getClassLoader(), EMBEDDED_PREFIX, EMBEDDED_FILES);
        }
        return GgufCheckpoint.isGguf(modelPath) ? GgufCheckpoint.open(modelPath) : CheckpointFiles.folder(modelPath);
    }

    /** config.json, with what the options put in its place. */
    static HfConfig config(LoadOptions options, CheckpointFiles files) {
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        String overrides = options.configOverrides();
        return overrides == null
                ? config
                : config.overriddenBy(
                        HfConfig.parse(overrides.getBytes(StandardCharsets.UTF_8), "--json-model-override-args"));
    }

    private static String name(@Nullable Path modelPath) {
        if (modelPath == null) {
            return EMBEDDED;
        }
        Path absolute = modelPath.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent != null && parent.endsWith("snapshots") && parent.getParent() != null) {
            // In a hub's cache, models--owner--name/snapshots/commit.
            String repository = String.valueOf(parent.getParent().getFileName());
            int dashes = repository.lastIndexOf("--");
            if (dashes >= 0) {
                return repository.substring(dashes + 2);
            }
        }
        Path last = absolute.getFileName();
        return last == null ? modelPath.toString() : last.toString();
    }

    private static void checkContext(LoadOptions options, HfConfig config) {
        int wanted = options.model().contextLength();
        int made = config.integer("max_position_embeddings");
        if (wanted > made && !options.allowLongerContext()) {
            throw new CheckpointException("--context-length " + wanted + " is longer than the " + made
                    + " tokens the model was made for (max_position_embeddings in " + config.where()
                    + "); set SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN=1 to try it all the same.");
        }
    }

    /** What turns text into tokens and back. */
    private record Text(Optional<Tokenizer> tokenizer, Optional<ChatTemplate> template, TokenizerConfig config) {
        static final Text NONE = new Text(Optional.empty(), Optional.empty(), TokenizerConfig.NONE);
    }

    private static Text text(LoadOptions options, CheckpointFiles checkpoint, HfConfig config) {
        CheckpointFiles files = tokenizerFiles(options.tokenizerPath(), checkpoint);
        if (!files.exists(TOKENIZER_FILE)) {
            throw new CheckpointException(files.describe(TOKENIZER_FILE)
                    + " is missing; download it, name its folder with --tokenizer-path, or serve token ids with"
                    + " --skip-tokenizer-init.");
        }
        Tokenizer tokenizer = Tokenizer.parse(files.read(TOKENIZER_FILE), files.describe(TOKENIZER_FILE));
        int vocabulary = config.integer("vocab_size");
        if (tokenizer.size() > vocabulary) {
            throw new CheckpointException(files.describe(TOKENIZER_FILE) + " has ids up to " + (tokenizer.size() - 1)
                    + ", but " + config.where() + " says vocab_size " + vocabulary
                    + ": they do not belong together.");
        }
        Optional<ChatTemplate> template = options.chatTemplate() != null
                ? Optional.of(ChatTemplate.parse(options.chatTemplate(), "--chat-template"))
                : TokenizerConfig.template(files, options.chatTemplateName())
                        .map(found -> ChatTemplate.parse(found.jinja(), found.where()))
                        .or(() -> Architectures.chatFormat(config));
        return new Text(Optional.of(tokenizer), template, TokenizerConfig.read(files));
    }

    private static CheckpointFiles tokenizerFiles(@Nullable Path tokenizerPath, CheckpointFiles checkpoint) {
        if (tokenizerPath == null) {
            return checkpoint;
        }
        Path parent = tokenizerPath.toAbsolutePath().getParent();
        boolean isFile = Files.isRegularFile(tokenizerPath) && tokenizerPath.endsWith(TOKENIZER_FILE);
        return CheckpointFiles.folder(isFile && parent != null ? parent : tokenizerPath);
    }
}
