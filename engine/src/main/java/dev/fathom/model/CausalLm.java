package dev.fathom.model;

import dev.fathom.kernels.KvShape;
import java.util.Optional;

/** A loaded model. One thread at a time calls {@link #forward}. */
public interface CausalLm extends AutoCloseable {
    int vocabularySize();

    /** Most tokens of a sequence, prompt and completion together. */
    int contextLength();

    KvShape kvShape();

    /** For the start banner: how it attends, where there is something to say about that. */
    default Optional<String> attention() {
        return Optional.empty();
    }

    /** Runs one step: writes the step's rows into the cache and gives logits for {@code step.outputRows()}. */
    StepOutput forward(StepContext step);

    /** Releases what the model allocated itself; mapped weights belong to the checkpoint. */
    @Override
    void close();
}
