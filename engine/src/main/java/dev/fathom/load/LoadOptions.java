package dev.fathom.load;

import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.GpuOptions;
import dev.fathom.model.ModelOptions;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which model is loaded, and on what it runs.
 *
 * @param modelPath           a checkpoint folder or a GGUF file; null is the embedded model
 * @param tokenizerPath       a folder with tokenizer.json, or the file itself; null takes the checkpoint's
 * @param kernelBackend       {@code auto} (a GPU if there is one), {@code cpu} (the best there), {@code cuda}, {@code c},
 *                            {@code vector} or {@code scalar}
 * @param kernelCache         folder of compiled kernels; null where nothing may be compiled, so that auto takes the vector
 *                            backend
 * @param cuda                how a GPU computes
 * @param threads             kernel threads; 0 is one for each processor
 * @param cpuBinding          processors that kernel threads stay on
 * @param weights             where they come from and in which format they are served
 * @param allowLongerContext  whether {@code model.contextLength()} may exceed what the model was made for
 * @param skipTokenizer       loads no tokenizer and no template: token ids in, token ids out
 * @param chatTemplate        Jinja text that replaces the checkpoint's own template, or null
 * @param chatTemplateName    which of the checkpoint's templates is taken where it has several; null is {@code default}
 * @param configOverrides     a JSON object whose keys replace those of config.json, or null
 */
public record LoadOptions(
        @Nullable Path modelPath,
        @Nullable Path tokenizerPath,
        String kernelBackend,
        @Nullable Path kernelCache,
        GpuOptions cuda,
        int threads,
        CpuBinding cpuBinding,
        ModelOptions model,
        WeightOptions weights,
        boolean allowLongerContext,
        boolean skipTokenizer,
        @Nullable String chatTemplate,
        @Nullable String chatTemplateName,
        @Nullable String configOverrides) {
    public LoadOptions {
        if (threads < 0) {
            throw new IllegalArgumentException("threads must be 0 (all) or more, got " + threads);
        }
    }

    /** The model that comes with Fathom, the best backend, all processors. */
    public static final LoadOptions EMBEDDED = new LoadOptions(
            null,
            null,
            "auto",
            null,
            GpuOptions.USUAL,
            0,
            CpuBinding.NONE,
            ModelOptions.DEFAULT,
            WeightOptions.STORED,
            false,
            false,
            null,
            null,
            null);

    public LoadOptions withModelPath(@Nullable Path value) {
        return with(fields -> fields.modelPath = value);
    }

    public LoadOptions withTokenizerPath(@Nullable Path value) {
        return with(fields -> fields.tokenizerPath = value);
    }

    public LoadOptions withKernelBackend(String value) {
        return with(fields -> fields.kernelBackend = value);
    }

    public LoadOptions withKernelCache(@Nullable Path value) {
        return with(fields -> fields.kernelCache = value);
    }

    public LoadOptions withCuda(GpuOptions value) {
        return with(fields -> fields.cuda = value);
    }

    public LoadOptions withThreads(int value) {
        return with(fields -> fields.threads = value);
    }

    public LoadOptions withCpuBinding(CpuBinding value) {
        return with(fields -> fields.cpuBinding = value);
    }

    public LoadOptions withModel(ModelOptions value) {
        return with(fields -> fields.model = value);
    }

    public LoadOptions withWeights(WeightOptions value) {
        return with(fields -> fields.weights = value);
    }

    public LoadOptions withAllowLongerContext(boolean value) {
        return with(fields -> fields.allowLongerContext = value);
    }

    public LoadOptions withSkipTokenizer(boolean value) {
        return with(fields -> fields.skipTokenizer = value);
    }

    public LoadOptions withChatTemplate(@Nullable String value) {
        return with(fields -> fields.chatTemplate = value);
    }

    public LoadOptions withChatTemplateName(@Nullable String value) {
        return with(fields -> fields.chatTemplateName = value);
    }

    public LoadOptions withConfigOverrides(@Nullable String value) {
        return with(fields -> fields.configOverrides = value);
    }

    private LoadOptions with(Consumer<Fields> change) {
        Fields fields = new Fields(this);
        change.accept(fields);
        return fields.options();
    }

    /** The components, to change one of them. */
    private static final class Fields {
        private @Nullable Path modelPath;
        private @Nullable Path tokenizerPath;
        private String kernelBackend;
        private @Nullable Path kernelCache;
        private GpuOptions cuda;
        private int threads;
        private CpuBinding cpuBinding;
        private ModelOptions model;
        private WeightOptions weights;
        private boolean allowLongerContext;
        private boolean skipTokenizer;
        private @Nullable String chatTemplate;
        private @Nullable String chatTemplateName;
        private @Nullable String configOverrides;

        Fields(LoadOptions options) {
            modelPath = options.modelPath;
            tokenizerPath = options.tokenizerPath;
            kernelBackend = options.kernelBackend;
            kernelCache = options.kernelCache;
            cuda = options.cuda;
            threads = options.threads;
            cpuBinding = options.cpuBinding;
            model = options.model;
            weights = options.weights;
            allowLongerContext = options.allowLongerContext;
            skipTokenizer = options.skipTokenizer;
            chatTemplate = options.chatTemplate;
            chatTemplateName = options.chatTemplateName;
            configOverrides = options.configOverrides;
        }

        LoadOptions options() {
            return new LoadOptions(
                    modelPath,
                    tokenizerPath,
                    kernelBackend,
                    kernelCache,
                    cuda,
                    threads,
                    cpuBinding,
                    model,
                    weights,
                    allowLongerContext,
                    skipTokenizer,
                    chatTemplate,
                    chatTemplateName,
                    configOverrides);
        }
    }
}
