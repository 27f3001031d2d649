package dev.fathom.load;

import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.model.CausalLm;
import dev.fathom.text.ChatTemplate;
import dev.fathom.text.Tokenizer;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * A model that is ready to run, with everything its checkpoint says about it.
 *
 * @param tokenizer           empty where it was skipped
 * @param chatTemplate        empty where the checkpoint has none, or the tokenizer was skipped
 * @param endTokenIds         ids that end a sequence
 * @param modelPath           the folder or file, or what stands for the embedded model
 * @param modelName           the folder's or file's name
 * @param config              config.json, or what the metadata of a GGUF file says in its words
 * @param weights             the mapped checkpoint, which must outlive the model
 * @param loadTime            from the call to the last page read
 */
public record LoadedModel(
        CausalLm model,
        KernelBackend kernels,
        Optional<Tokenizer> tokenizer,
        Optional<ChatTemplate> chatTemplate,
        TokenizerConfig tokenizerConfig,
        GenerationDefaults generationDefaults,
        Set<Integer> endTokenIds,
        String modelPath,
        String modelName,
        HfConfig config,
        WeightSource weights,
        Duration loadTime)
        implements AutoCloseable {

    /** Most tokens of a sequence, prompt and completion together. */
    public int contextLength() {
        return model.contextLength();
    }

    /** Bytes of the checkpoint's tensors. */
    public long weightBytes() {
        return weights.totalBytes();
    }

    /** Releases the model, its threads and its mapped files; nothing may be running on it. */
    @Override
    public void close() {
        model.close();
        kernels.close();
        weights.close();
    }
}
