package dev.fathom.cli;

import dev.fathom.engine.EngineConfig;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What a server says once it is ready: what it chose, why, and how to try it. */
final class Banner {
    private static final int NAME_WIDTH = 11;

    private final List<String> lines = new ArrayList<>();

    private Banner() {}

    /**
     * @param url     where requests go
     * @param name    the model's name for clients
     * @param warmUp  empty where it was left out
     * @param notes   about flags and variables that change nothing
     */
    static String text(String url, String name, LocalEngine local, Optional<WarmUp.Result> warmUp, List<String> notes) {
        Banner banner = new Banner();
        LoadedModel loaded = local.loaded();
        EngineConfig config = local.engine().config();
        banner.line(
                "model",
                name + origin(loaded) + ", " + loaded.config().architecture() + ", " + Units.bytes(loaded.weightBytes())
                        + " (" + WeightFormat.describe(loaded.config()) + ")");
        banner.line("context", Units.count(loaded.contextLength()) + " tokens");
        banner.line("kernels", loaded.kernels().description());
        loaded.model().attention().ifPresent(text -> banner.line("attention", text));
        banner.line(
                "cache",
                Units.count(local.budget().tokens()) + " tokens in " + config.kvFormat() + ", "
                        + Units.bytes(local.budget().bytes()) + " ("
                        + local.budget().reason() + ")");
        banner.line(
                "schedule",
                config.policy().toString().toLowerCase(Locale.ROOT) + ", up to " + config.maxRunningRequests()
                        + " requests at a time, "
                        + (config.chunksPrompts()
                                ? "prompts in chunks of " + Units.count(config.prefillBudget())
                                : "prompts in one piece")
                        + ", prefix cache " + (config.radixCache() ? "on" : "off"));
        banner.line("warm-up", warmUp.map(Banner::describe).orElse("left out: the first answers will be slow"));
        notes.forEach(note -> banner.line("note", note));
        banner.lines.add("Fathom is ready at " + url + ". Try:");
        banner.lines.add("  curl " + url
                + "/v1/chat/completions -H 'Content-Type: application/json' -d '{\"model\": \"" + name
                + "\", \"messages\": [{\"role\": \"user\", \"content\": \"Who are you?\"}]}'");
        return String.join("\n", banner.lines);
    }

    private static String origin(LoadedModel loaded) {
        return loaded.modelPath().equals(ModelLoader.EMBEDDED)
                ? ", the model that comes with Fathom"
                : " from " + loaded.modelPath();
    }

    private static String describe(WarmUp.Result warmUp) {
        return Units.format(
                "%.1f s: %.0f tokens/s for one request, prompts at %.0f tokens/s%s",
                warmUp.seconds(),
                warmUp.decodeRate(),
                warmUp.prefillRate(),
                warmUp.complete() ? "" : " and still rising");
    }

    private void line(String name, String text) {
        lines.add("  " + name + " ".repeat(NAME_WIDTH - name.length()) + text);
    }
}
