package dev.fathom.load;

import dev.fathom.model.ModelOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Which model is loaded, and on what it runs.
 *
 * @param modelPath           a checkpoint folder or a GGUF file; null is the embedded model
 * @param tokenizerPath       a folder with tokenizer.json, or the file itself; null takes the checkpoint's
 * @param kernelBackend       {@code auto}, {@code c}, {@code vector} or {@code scalar}
 * @param kernelCache         folder of compiled kernels; null where nothing may be compiled, so that auto takes the vector
 *                            backend
 * @param threads             kernel threads; 0 is one for each processor
 * @param allowLongerContext  whether {@code model.contextLength()} may exceed what the model was made for
 * @param skipTokenizer       loads no tokenizer and no template: token ids in, token ids out
 * @param chatTemplate        Jinja text that replaces the checkpoint's own template, or null
 */
public record LoadOptions(
        @Nullable Path modelPath,
        @Nullable Path tokenizerPath,
        String kernelBackend,
        @Nullable Path kernelCache,
        int threads,
        ModelOptions model,
        boolean allowLongerContext,
        boolean skipTokenizer,
        @Nullable String chatTemplate) {
    public LoadOptions {
        if (threads < 0) {
            throw new IllegalArgumentException("threads must be 0 (all) or more, got " + threads);
        }
    }

    /** The model that comes with Fathom, the best backend, all processors. */
    public static final LoadOptions EMBEDDED =
            new LoadOptions(null, null, "auto", null, 0, ModelOptions.DEFAULT, false, false, null);

    public LoadOptions withModelPath(@Nullable Path path) {
        return new LoadOptions(
                path,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                threads,
                model,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withTokenizerPath(@Nullable Path path) {
        return new LoadOptions(
                modelPath,
                path,
                kernelBackend,
                kernelCache,
                threads,
                model,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withKernelBackend(String name) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                name,
                kernelCache,
                threads,
                model,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withKernelCache(@Nullable Path folder) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                folder,
                threads,
                model,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withThreads(int count) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                count,
                model,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withModel(ModelOptions options) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                threads,
                options,
                allowLongerContext,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withAllowLongerContext(boolean allow) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                threads,
                model,
                allow,
                skipTokenizer,
                chatTemplate);
    }

    public LoadOptions withSkipTokenizer(boolean skip) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                threads,
                model,
                allowLongerContext,
                skip,
                chatTemplate);
    }

    public LoadOptions withChatTemplate(@Nullable String jinja) {
        return new LoadOptions(
                modelPath,
                tokenizerPath,
                kernelBackend,
                kernelCache,
                threads,
                model,
                allowLongerContext,
                skipTokenizer,
                jinja);
    }
}
