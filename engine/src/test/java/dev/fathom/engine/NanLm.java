package dev.fathom.engine;

import dev.fathom.kernels.KvShape;
import dev.fathom.model.CausalLm;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;

/** A {@link FakeLm} whose logits are NaN after one token id. */
final class NanLm implements CausalLm {
    private final FakeLm model = new FakeLm(200);
    private final int poison;

    NanLm(int poison) {
        this.poison = poison;
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }

    @Override
    public int contextLength() {
        return model.contextLength();
    }

    @Override
    public KvShape kvShape() {
        return model.kvShape();
    }

    @Override
    public StepOutput forward(StepContext step) {
        StepOutput output = model.forward(step);
        for (int i = 0; i < step.outputRows().length; i++) {
            if (step.tokenIds()[step.outputRows()[i]] == poison) {
                output.logits().rows(i, 1).fill(Float.NaN);
            }
        }
        return output;
    }

    @Override
    public void close() {
        model.close();
    }
}
