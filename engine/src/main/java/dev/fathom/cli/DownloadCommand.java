package dev.fathom.cli;

import dev.fathom.checkpoint.hub.DownloadPlan;
import dev.fathom.checkpoint.hub.HubDownload;
import dev.fathom.checkpoint.hub.HubId;
import dev.fathom.checkpoint.hub.HubRequest;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches a model from a hub. */
@Command(
        name = "download",
        description = {
            "Fetches a model from a hub into its cache, and prints where it is.",
            "Files that are there are not fetched again; a download that was interrupted goes on where it stopped.",
            "HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE and HTTPS_PROXY count as they do for huggingface_hub."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom download deepseek-ai/DeepSeek-V2-Lite",
            "  fathom download deepseek-ai/DeepSeek-V3 --dry-run                how large it is",
            "  fathom download unsloth/DeepSeek-V3-GGUF:Q4_K_M                  of several GGUF files, one",
            "  fathom serve --model-path $(fathom download deepseek-ai/DeepSeek-V2-Lite)",
            "  SGLANG_USE_MODELSCOPE=1 fathom download deepseek-ai/DeepSeek-V2-Lite"
        })
final class DownloadCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;

    @Parameters(
            index = "0",
            paramLabel = "ID",
            description = "The model as the hub names it, with :FILE for a GGUF file.")
    private String id = "";

    @Mixin
    private HubFlags hub = new HubFlags();

    @Option(names = "--dry-run", description = "Say what would be fetched and how large it is, and fetch nothing.")
    private boolean dryRun;

    DownloadCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        HubId model = HubId.parse(id)
                .orElseThrow(() -> CliException.usage("\"" + id
                        + "\" is no model of a hub: owner and name were wanted, as in deepseek-ai/DeepSeek-V2-Lite."));
        HubRequest request = hub.request(model, HubRequest.Part.MODEL);
        HubDownload download = new HubDownload(hub.settings(environment));
        DownloadBar bar = new DownloadBar(terminal, System::nanoTime);
        if (dryRun) {
            DownloadPlan plan = download.plan(request, bar);
            terminal.out().println(DownloadBar.text("Would fetch", plan));
            return 0;
        }
        var place = download.fetch(request, bar);
        bar.finish();
        terminal.out().println(place);
        return 0;
    }
}
