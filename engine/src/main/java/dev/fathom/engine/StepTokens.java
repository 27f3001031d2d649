package dev.fathom.engine;

import dev.fathom.api.RequestException;
import dev.fathom.engine.Batch.Part;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a step gave: tokens where the backend could choose them, and the logits for the others, read when they are asked for. */
final class StepTokens {
    private final Tensor logits;
    private final ModelRunner runner;
    private final int[] chosen;

    private StepTokens(Tensor logits, ModelRunner runner, int[] chosen) {
        this.logits = logits;
        this.runner = runner;
        this.chosen = chosen;
    }

    /** @param logits  of the batch's output rows */
    static StepTokens of(Batch batch, Tensor logits, ModelRunner runner) {
        List<Integer> rows = new ArrayList<>();
        List<TokenChoice> choices = new ArrayList<>();
        int row = 0;
        for (Part part : batch.parts()) {
            row += part.outputs();
            TokenChoice choice = part.samples() ? part.sequence().plainChoice() : null;
            if (choice != null) {
                rows.add(row - 1);
                choices.add(choice);
            }
        }
        int[] which = rows.stream().mapToInt(Integer::intValue).toArray();
        int[] ids = runner.choose(logits, which, choices);
        int[] chosen = new int[row];
        Arrays.fill(chosen, TokenChooser.NOT_FINITE);
        for (int i = 0; i < which.length; i++) {
            chosen[which[i]] = ids[i];
        }
        return new StepTokens(logits, runner, chosen);
    }

    /** Id of the token that follows an output row; negative where the logits have to be looked at. */
    int chosen(int row) {
        return chosen[row];
    }

    /** Rows of logits that the host reads, until the next call. @throws RequestException if they do not come */
    Tensor logits(int row, int count) {
        try {
            return runner.download(logits.rows(row, count));
        } catch (RuntimeException e) {
            throw new RequestException("The model's logits could not be read: " + e, e);
        }
    }
}
