package dev.fathom.checkpoint.hub;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;

/** What differs between hubs: addresses, the form of a listing, names in the cache. */
sealed interface HubSite permits HuggingFaceSite, ModelScopeSite {
    static HubSite of(HubSettings settings) {
        return switch (settings.site()) {
            case HUGGING_FACE -> new HuggingFaceSite(settings.endpoint());
            case MODEL_SCOPE -> new ModelScopeSite(settings.endpoint());
        };
    }

    String defaultRevision();

    /** Where the files of a revision are listed. */
    URI listing(HubId id, String revision);

    /** @throws dev.fathom.checkpoint.CheckpointException if the answer is no listing */
    RepoListing parse(byte[] answer, HubId id, String revision);

    /** Where a file's bytes are. */
    URI file(HubId id, String commit, String path);

    /** The repository's folder, below the cache's. */
    String folder(HubId id);

    /** Where the locks of a repository's files are, below the cache's folder. */
    String lockFolder(HubId id);

    void authorize(HttpRequest.Builder request, String token);

    /** What a person does who has no access, or no token. */
    String tokenAdvice(HubId id);

    /** A path or revision in an address; slashes stay. */
    static String encode(String path) {
        return URLEncoder.encode(path, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("%2F", "/");
    }
}
