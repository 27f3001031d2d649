package dev.fathom.engine;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.model.CausalLm;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/** Runs batches through the model, with the memory that takes: the key-value cache and the step's temporaries. */
final class ModelRunner implements AutoCloseable {
    private static final long FIRST_SCRATCH_BYTES = 1 << 20;

    private final CausalLm model;
    private final KernelBackend kernels;
    private final Communicator comm;
    private final Arena arena;
    private final PagedKv kv;
    private final StepScratch scratch;
    private final TokenChooser chooser = new TokenChooser();

    private ModelRunner(CausalLm model, KernelBackend kernels, Communicator comm, Arena arena, PagedKv kv) {
        this.model = model;
        this.kernels = kernels;
        this.comm = comm;
        this.arena = arena;
        this.kv = kv;
        scratch = new StepScratch(FIRST_SCRATCH_BYTES, kernels::allocate);
    }

    /**
     * @param slots  tokens the cache holds
     * @throws KernelException if the backend does not serve caches of that format
     */
    static ModelRunner open(CausalLm model, KernelBackend kernels, Communicator comm, KvFormat format, int slots) {
        if (!kernels.cacheFormats().contains(format)) {
            throw new KernelException("The kernels \"" + kernels.name() + "\" do not serve a cache in " + format
                    + ", only in " + kernels.cacheFormats() + "; choose another --kv-cache-dtype, or --device cpu");
        }
        Arena arena = Arena.ofShared();
        PagedKv kv = PagedKv.allocate(model.kvShape(), format, slots, arena, kernels);
        return new ModelRunner(model, kernels, comm, arena, kv);
    }

    /** Called by the thread that runs all steps, before the first. */
    void begin() {
        kernels.bindCaller();
    }

    /** Computes one step. The output is valid until the next call, and lies where the backend works. */
    StepOutput run(Batch batch) {
        scratch.reset();
        kernels.beginStep(batch.tokenIds().length);
        return model.forward(
                new StepContext(batch.tokenIds(), batch.attention(), batch.outputRows(), kv, kernels, comm, scratch));
    }

    /** As {@link KernelBackend#chooseTokens}. */
    int[] choose(Tensor logits, int[] rows, List<TokenChoice> choices) {
        return kernels.chooseTokens(logits, rows, choices, chooser);
    }

    /** Rows of logits where the host reads them, until the next call. */
    Tensor download(Tensor logits) {
        return kernels.download(logits);
    }

    @Override
    public void close() {
        scratch.close();
        arena.close();
    }
}
