package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.RouterRule;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Routed experts, weighted and summed, plus the shared expert, which every token passes unweighted. Router logits are
 * float32; the correction bias, where there is one, counts for choosing only.
 *
 * @see "DeepSeek-V2, arXiv 2405.04434, section 2.2; DeepSeek-V3, arXiv 2412.19437, section 2.1.2"
 */
final class MoeBlock implements FeedForward {
    private final RouterRule rule;
    private final LinearKernel router;
    private final Tensor correctionBias;
    private final ExpertsKernel experts;
    private final @Nullable DenseMlp shared;

    /** @param weights at mlp */
    MoeBlock(LayerWeights weights) {
        MoeConfig config = weights.config().moe();
        if (config == null) {
            throw new CheckpointException("layer " + weights.prefix() + " routes to experts, the config has none");
        }
        int hidden = weights.config().hiddenSize();
        rule = config.rule();
        router = weights.linear("gate.weight", rule.experts(), hidden);
        correctionBias = config.correctionBias()
                ? weights.vector("gate.e_score_correction_bias", rule.experts())
                : weights.zeros(rule.experts());
        List<ExpertWeights> all = new ArrayList<>();
        for (int expert = 0; expert < rule.experts(); expert++) {
            LayerWeights one = weights.at("experts").at(Integer.toString(expert));
            all.add(new ExpertWeights(
                    one.matrix("gate_proj.weight", config.moeIntermediateSize(), hidden),
                    one.matrix("up_proj.weight", config.moeIntermediateSize(), hidden),
                    one.matrix("down_proj.weight", hidden, config.moeIntermediateSize())));
        }
        experts = weights.kernels().bindExperts(all);
        shared = config.sharedExperts() == 0
                ? null
                : DenseMlp.load(weights.at("shared_experts"), hidden, config.sharedIntermediateSize());
    }

    @Override
    public void forward(Tensor x, Tensor out, StepContext step) {
        long mark = step.scratch().mark();
        Tensor logits = step.scratch().f32(x.rows(), rule.experts());
        router.apply(x, logits);
        step.kernels().applyExperts(experts, x, logits, correctionBias, rule, out, step.scratch());
        if (shared != null) {
            Tensor everyToken = step.scratch().f32(x.rows(), out.cols());
            shared.forward(x, everyToken, step);
            step.kernels().add(out, everyToken);
        }
        step.scratch().release(mark);
    }
}
