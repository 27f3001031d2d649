package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PlanCommandTest {
    private final CommandRunner runner = new CommandRunner();

    private String plan(int status, String... args) {
        String[] all = new String[args.length + 1];
        all[0] = "plan";
        System.arraycopy(args, 0, all, 1, args.length);
        assertThat(runner.run(all)).as(runner.err()).isEqualTo(status);
        return status == 0 ? runner.out() : runner.err();
    }

    @Test
    void saysWhatFitsAndHowItIsStarted() {
        String text =
                plan(0, "deepseek-ai/DeepSeek-V2-Lite", "--memory", "64", "--bandwidth", "100", "--flops", "1000");
        assertThat(text)
                .contains("deepseek-ai/DeepSeek-V2-Lite: 15.7 billion parameters, 2.5 billion of them for each token")
                .contains("BF16", "FP8 blocks", "INT8", "GGUF Q8_0", "GGUF Q4_K")
                .endsWith("Start it: fathom serve --model-path deepseek-ai/DeepSeek-V2-Lite" + System.lineSeparator());
    }

    @Test
    void startsTheFormatThatFits() {
        String text = plan(0, "DeepSeek-V2-Lite", "--memory", "24", "--bandwidth", "100", "--flops", "1000");
        assertThat(text)
                .contains("does not fit")
                .contains("Start it: fathom serve --model-path DeepSeek-V2-Lite --quantization fp8");
    }

    @Test
    @Tag("slow")
    void saysWhatIsMissingWhereNothingFits() {
        assertThat(plan(0, "deepseek-ai/DeepSeek-V3", "--memory", "64"))
                .contains("It fits in no format: as GGUF Q4_K it needs 480.8 GB of memory.");
    }

    @Test
    @Tag("slow")
    void printsTheCommandsOfSeveralNodesAndSaysThatTheyAreNotServedYet() {
        assertThat(plan(0, "deepseek-ai/DeepSeek-V3", "--memory", "400", "--nodes", "4"))
                .contains(
                        "As published, 4 machines hold 169.3 GB of weights each, and fit.",
                        "This version serves on one CPU machine or one GPU and refuses these flags of SGLang's:",
                        "  fathom serve --model-path deepseek-ai/DeepSeek-V3 --tp-size 4 --nnodes 4 --node-rank 0"
                                + " --dist-init-addr FIRST_NODE:5000",
                        " --node-rank 3 --dist-init-addr FIRST_NODE:5000");
    }

    @Test
    @Tag("slow")
    void saysHowManyGpusWouldDo() {
        assertThat(plan(0, "deepseek-ai/DeepSeek-V3", "--memory", "141", "--gpus", "1"))
                .contains(
                        "8 GPUs hold",
                        "  fathom serve --model-path deepseek-ai/DeepSeek-V3 --tp-size 8" + System.lineSeparator());
        assertThat(plan(0, "deepseek-ai/DeepSeek-V3", "--memory", "80", "--gpus", "8", "--nodes", "1"))
                .contains("2 nodes of 8 GPUs hold", "--tp-size 16 --nnodes 2 --node-rank 1");
    }

    @Test
    void printsJson() {
        JsonNode root = JsonMapper.shared()
                .readTree(plan(
                        0, "DeepSeek-V2-Lite", "--json", "--memory", "64", "--bandwidth", "100", "--flops", "1000"));
        JsonNode first = root.path("plans").path(0);
        assertThat(first.path("format").asString("")).isEqualTo("BF16");
        assertThat(first.path("fits").asBoolean(false)).isTrue();
        assertThat(first.path("kv_bytes_per_token").asLong()).isEqualTo(31_104);
        // 5.4 GB of weights and a little cache at 100 GB/s, 5 GFLOP at 1,000 GFLOP/s, both at 85 %
        assertThat(first.path("decode_tokens_per_second").asDouble()).isBetween(12.0, 16.0);
        assertThat(root.path("plans")).hasSize(5);
    }

    @Test
    @Tag("slow")
    void measuresThisMachine() {
        String text = plan(0, "src/main/resources/models/nano", "--gpus", "0");
        assertThat(runner.err()).contains("Measured as published: ", "GFLOP/s");
        assertThat(text).contains("Start it: fathom serve --model-path src/main/resources/models/nano");
    }

    @Test
    void refusesWhatItCannotPlan() {
        assertThat(plan(2)).startsWith("fathom: Give a model, or --all for the family.");
        assertThat(plan(2, "DeepSeek-V3", "--flops", "5")).contains("--bandwidth and --flops go together");
        assertThat(plan(1, "/no/such/folder")).contains("The model folder /no/such/folder does not exist");
    }
}
