package dev.fathom.cli;

import dev.fathom.checkpoint.hub.HubDownload;
import dev.fathom.checkpoint.hub.HubId;
import dev.fathom.checkpoint.hub.HubRequest;
import dev.fathom.checkpoint.hub.HubSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which revision of a hub's model, and where it is kept. */
final class HubFlags {
    @Option(
            names = "--revision",
            paramLabel = "NAME",
            description = "Of a model on a hub: a branch, tag or commit. Default: the hub's main one.")
    private @Nullable String revision;

    @Option(
            names = "--download-dir",
            paramLabel = "FOLDER",
            description =
                    "Where downloaded models are kept. Default: HF_HUB_CACHE, or hub in HF_HOME, or ~/.cache/huggingface/hub.")
    private @Nullable Path downloadFolder;

    /** Whether a text names a model on a hub: it has the form of an id, and nothing of that name is here. */
    static Optional<HubId> id(String text) {
        return HubId.parse(text).filter(id -> !Files.exists(Path.of(text)));
    }

    /**
     * @param text  a path, which comes back as it is, or a hub's id, whose files are fetched where they are missing
     */
    Path resolve(String text, HubRequest.Part part, Environment environment, Terminal terminal)
            throws InterruptedException {
        Optional<HubId> id = id(text);
        if (id.isEmpty()) {
            return Path.of(text);
        }
        DownloadBar bar = new DownloadBar(terminal, System::nanoTime);
        Path place = new HubDownload(settings(environment)).fetch(request(id.get(), part), bar);
        bar.finish();
        return place;
    }

    HubRequest request(HubId id, HubRequest.Part part) {
        return new HubRequest(id, Optional.ofNullable(revision), part);
    }

    HubSettings settings(Environment environment) {
        return environment.hub().settings(Optional.ofNullable(downloadFolder));
    }

    /** Neither flag has a meaning where nothing comes from a hub. */
    void requireHub(Optional<String> modelPath) {
        if ((revision != null || downloadFolder != null)
                && modelPath.flatMap(HubFlags::id).isEmpty()) {
            throw CliException.usage((revision != null ? "--revision" : "--download-dir")
                    + " is for models of a hub, as in --model-path deepseek-ai/DeepSeek-V2-Lite; "
                    + modelPath.map(path -> path + " is not one.").orElse("the embedded model is not one."));
        }
    }
}
