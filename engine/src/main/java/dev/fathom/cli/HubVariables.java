package dev.fathom.cli;

import dev.fathom.checkpoint.hub.HubSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The environment variables about hubs, with the names that huggingface_hub, modelscope and SGLang give them. They are read when a
 * hub is needed, and not before.
 */
record HubVariables(Map<String, String> variables) {
    /** SGLang's switch. */
    static final String USE_MODELSCOPE = "SGLANG_USE_MODELSCOPE";

    HubVariables {
        variables = Map.copyOf(variables);
    }

    /**
     * @param folder  {@code --download-dir}, which stands for the cache's folder
     * @throws CliException naming a variable that cannot be used
     */
    HubSettings settings(Optional<Path> folder) {
        return isTrue(USE_MODELSCOPE) ? modelScope(folder) : huggingFace(folder);
    }

    private HubSettings huggingFace(Optional<Path> folder) {
        Optional<Path> home = path("HF_HOME")
                .or(() -> path("XDG_CACHE_HOME").map(cache -> cache.resolve("huggingface")))
                .or(() -> path("HOME").map(user -> user.resolve(".cache/huggingface")));
        Path cache = folder.or(() -> path("HF_HUB_CACHE"))
                .or(() -> path("HUGGINGFACE_HUB_CACHE"))
                .or(() -> home.map(place -> place.resolve("hub")))
                .orElseThrow(() -> noFolder("HF_HOME"));
        Optional<String> token = text("HF_TOKEN").or(() -> text("HUGGING_FACE_HUB_TOKEN"));
        if (token.isEmpty()) {
            token = path("HF_TOKEN_PATH")
                    .or(() -> home.map(place -> place.resolve("token")))
                    .flatMap(HubVariables::firstLine);
        }
        return new HubSettings(
                HubSettings.Site.HUGGING_FACE,
                endpoint("HF_ENDPOINT", "https://huggingface.co"),
                isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? Optional.empty() : token,
                cache,
                isTrue("HF_HUB_OFFLINE") || isTrue("TRANSFORMERS_OFFLINE"),
                EnvironmentProxies.of(variables));
    }

    private HubSettings modelScope(Optional<Path> folder) {
        Path cache = folder.or(() -> path("MODELSCOPE_CACHE"))
                .or(() -> path("HOME").map(user -> user.resolve(".cache/modelscope")))
                .orElseThrow(() -> noFolder("MODELSCOPE_CACHE"));
        String domain = text("MODELSCOPE_DOMAIN").orElse("www.modelscope.cn");
        return new HubSettings(
                HubSettings.Site.MODEL_SCOPE,
                endpoint("MODELSCOPE_ENDPOINT", domain.contains("://") ? domain : "https://" + domain),
                text("MODELSCOPE_API_TOKEN"),
                cache,
                isTrue("HF_HUB_OFFLINE"),
                EnvironmentProxies.of(variables));
    }

    private static CliException noFolder(String name) {
        return CliException.usage(
                "There is no folder to keep downloads in: give --download-dir, or set " + name + " or HOME.");
    }

    private URI endpoint(String name, String otherwise) {
        String text = text(name).orElse(otherwise).replaceFirst("/+$", "");
        try {
            URI uri = URI.create(text);
            if (uri.getHost() != null && List.of("http", "https").contains(String.valueOf(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // the sentence below says what was wanted
        }
        throw CliException.usage(name + " must be an address such as https://huggingface.co, got \"" + text + "\".");
    }

    private Optional<String> text(String name) {
        return Optional.ofNullable(variables.get(name)).map(String::strip).filter(text -> !text.isEmpty());
    }

    /** A tilde stands for the user's folder, also where no shell has seen it. */
    private Optional<Path> path(String name) {
        try {
            return text(name)
                    .map(text -> text.startsWith("~/") ? variables.getOrDefault("HOME", "~") + text.substring(1) : text)
                    .map(Path::of);
        } catch (InvalidPathException e) {
            throw CliException.usage(name + " is not a path: " + e.getMessage() + ".");
        }
    }

    private static Optional<String> firstLine(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Files.readString(file).lines().findFirst().map(String::strip).filter(line -> !line.isEmpty());
        } catch (IOException e) {
            throw CliException.failure("The token file " + file + " cannot be read (" + e.getMessage()
                    + "): see to it that you may read it, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1.");
        }
    }

    /** huggingface_hub's reading. */
    private boolean isTrue(String name) {
        return switch (variables.getOrDefault(name, "").toUpperCase(Locale.ROOT)) {
            case "1", "ON", "YES", "TRUE", "Y", "T" -> true;
            default -> false;
        };
    }
}
