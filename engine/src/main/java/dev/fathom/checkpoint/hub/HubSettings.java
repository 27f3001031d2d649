package dev.fathom.checkpoint.hub;

import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which hub is asked, as whom, and where its files are kept.
 *
 * @param endpoint  such as {@code https://huggingface.co}; the token goes there and nowhere else
 * @param cache     the folder that holds a folder for each repository
 * @param offline   nothing is asked for over the network; what is in the cache is used
 * @param proxies   how hosts are reached
 */
public record HubSettings(
        Site site, URI endpoint, Optional<String> token, Path cache, boolean offline, ProxySelector proxies) {
    /** Whose protocol is spoken. */
    public enum Site {
        HUGGING_FACE,
        MODEL_SCOPE
    }

    public HubSettings withCache(Path value) {
        return new HubSettings(site, endpoint, token, value, offline, proxies);
    }

    /** Without the token. */
    @Override
    public String toString() {
        return site + " at " + endpoint + ", cache " + cache + (offline ? ", offline" : "");
    }
}
