package dev.fathom.load;

import dev.fathom.checkpoint.HfConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Configurations of DeepSeek's published models, of the resource {@code models/known.json}: what planning needs of them. */
public final class KnownModels {
    private static final String RESOURCE = "models/known.json";

    /** @param ids models that share the configuration, the best known first */
    public record Known(List<String> ids, HfConfig config) {}

    private KnownModels() {}

    /** All of them, older ones first. */
    public static List<Known> all() {
        List<Known> all = new ArrayList<>();
        for (JsonNode entry : read()) {
            List<String> ids = new ArrayList<>();
            entry.path("ids").forEach(id -> ids.add(id.asString("")));
            byte[] config = JsonMapper.shared().writeValueAsBytes(entry.path("config"));
            all.add(new Known(List.copyOf(ids), HfConfig.parse(config, ids.getFirst() + "'s config.json")));
        }
        return List.copyOf(all);
    }

    /** @param id with or without its owner, in any case */
    public static Optional<HfConfig> config(String id) {
        String wanted = id.toLowerCase(Locale.ROOT);
        for (Known known : all()) {
            for (String name : known.ids()) {
                String lower = name.toLowerCase(Locale.ROOT);
                if (lower.equals(wanted) || lower.endsWith("/" + wanted)) {
                    return Optional.of(known.config());
                }
            }
        }
        return Optional.empty();
    }

    private static JsonNode read() {
        try (InputStream in = KnownModels.class.getClassLoader().getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is not on the class path");
            }
            return JsonMapper.shared().readTree(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
