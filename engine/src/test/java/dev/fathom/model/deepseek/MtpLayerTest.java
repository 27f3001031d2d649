package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.HidingWeights;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class MtpLayerTest {
    private static final ModelOptions WITH_MTP = new ModelOptions(AttentionForm.AUTO, 1024, 0, true);

    @Test
    @Tag("slow")
    void draftsWhatTheModelSaysNextMostOfTheTime() {
        int drafted = 0;
        int accepted = 0;
        try (NanoModel nano = NanoModel.open("fp8", "vector", WITH_MTP);
                Arena arena = Arena.ofShared();
                StepScratch scratch = new StepScratch(1 << 20)) {
            PagedKv kv = PagedKv.allocate(nano.model().kvShape(), KvFormat.F32, 256, arena);
            MtpLayer mtp = nano.model().mtp().orElseThrow();
            for (GoldenCase golden : GoldenCase.nano("nano_fp8")) {
                int prompt = golden.prompt().length;
                int[] ids = Arrays.copyOf(golden.prompt(), prompt + golden.greedy().length);
                System.arraycopy(golden.greedy(), 0, ids, prompt, golden.greedy().length);
                if (ids.length > 256) {
                    continue;
                }
                // Rows 0 .. n - 2: each has a token after it, and all but the last a token after that to compare with.
                int rows = ids.length - 1;
                StepOutput main = nano.model().forward(step(nano.kernels(), kv, scratch, Arrays.copyOf(ids, rows)));
                StepContext next = step(nano.kernels(), kv, scratch, Arrays.copyOfRange(ids, 1, rows + 1));
                StepOutput draft = mtp.forward(next, nano.model().plan(next), main.hidden());
                for (int row = prompt - 1; row < rows - 1; row++) {
                    drafted++;
                    accepted += best(draft.logits().rows(row, 1).toArray()) == ids[row + 2] ? 1 : 0;
                }
                scratch.reset();
            }
        }
        System.out.println("drafts accepted: " + accepted + " of " + drafted);
        assertThat((double) accepted / drafted).isGreaterThan(0.7);
    }

    @Test
    void usesTheMainEmbeddingAndHeadWhereTheLayerHasNoCopies() {
        CheckpointFiles files = CheckpointFiles.folder(Bf16NanoCheckpoint.folder());
        HfConfig config = HfConfig.parse(files.read("config.json"), "config.json");
        int[] ids = {0, 4084, 697, 279, 223};
        List<float[]> drafts = new ArrayList<>();
        for (List<String> hidden : List.of(
                List.<String>of(),
                List.of("model.layers.6.embed_tokens.weight", "model.layers.6.shared_head.head.weight"))) {
            try (KernelBackend kernels = new ScalarBackend(2);
                    WeightSource weights =
                            new HidingWeights(SafetensorsSource.open(files, LoadProgress.none()), hidden);
                    DeepSeekModel model = DeepSeekModel.load(config, weights, kernels, WITH_MTP);
                    Arena arena = Arena.ofShared();
                    StepScratch scratch = new StepScratch(1 << 20)) {
                PagedKv kv = PagedKv.allocate(model.kvShape(), KvFormat.F32, ids.length, arena);
                StepContext step = step(kernels, kv, scratch, ids);
                StepOutput main = model.forward(step);
                StepOutput draft = model.mtp().orElseThrow().forward(step, model.plan(step), main.hidden());
                drafts.add(draft.logits().toArray());
            }
        }
        assertThat(drafts.get(1)).containsExactly(drafts.get(0));
    }

    private static StepContext step(KernelBackend kernels, PagedKv kv, StepScratch scratch, int[] ids) {
        int[] all = IntStream.range(0, ids.length).toArray();
        AttentionBatch batch = new AttentionBatch(new int[] {0, ids.length}, new int[] {ids.length}, new int[][] {all});
        return new StepContext(ids, batch, all, kv, kernels, Communicator.single(), scratch);
    }

    private static int best(float[] logits) {
        return IntStream.range(0, logits.length)
                .reduce((a, b) -> logits[b] > logits[a] ? b : a)
                .orElseThrow();
    }
}
