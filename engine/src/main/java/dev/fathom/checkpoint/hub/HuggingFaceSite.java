package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Hugging Face's protocol and cache layout.
 *
 * @see "https://huggingface.co/docs/hub/api and https://huggingface.co/docs/huggingface_hub/guides/manage-cache"
 */
record HuggingFaceSite(URI endpoint) implements HubSite {
    @Override
    public String defaultRevision() {
        return "main";
    }

    @Override
    public URI listing(HubId id, String revision) {
        String encoded = HubSite.encode(revision).replace("/", "%2F");
        return URI.create(endpoint + "/api/models/" + id.repository() + "/revision/" + encoded + "?blobs=true");
    }

    @Override
    public RepoListing parse(byte[] answer, HubId id, String revision) {
        JsonNode root;
        try {
            root = JsonMapper.shared().readTree(answer);
        } catch (JacksonException e) {
            throw new CheckpointException(
                    endpoint + " answers for " + id.repository() + " with something that is not JSON ("
                            + e.getOriginalMessage() + "): is it a hub? HF_ENDPOINT says which is asked.",
                    e);
        }
        List<RepoFile> files = new ArrayList<>();
        for (JsonNode sibling : root.path("siblings")) {
            String path = sibling.path("rfilename").asString("");
            JsonNode large = sibling.path("lfs");
            String hash = large.path("sha256").asString(sibling.path("blobId").asString(""));
            long size = large.path("size").asLong(sibling.path("size").asLong(-1));
            files.add(new RepoFile(
                    path, size, hash.isEmpty() ? Optional.empty() : Optional.of(FileHash.parse(hash, path))));
        }
        if (files.isEmpty()) {
            throw new CheckpointException(endpoint + " lists no files of " + id.repository() + " at revision "
                    + revision + ": is it a hub, and is the repository filled?");
        }
        return new RepoListing(root.path("sha").asString(""), files);
    }

    @Override
    public URI file(HubId id, String commit, String path) {
        return URI.create(endpoint + "/" + id.repository() + "/resolve/" + commit + "/" + HubSite.encode(path));
    }

    @Override
    public String folder(HubId id) {
        return "models--" + id.owner() + "--" + id.name();
    }

    @Override
    public String lockFolder(HubId id) {
        return ".locks/" + folder(id);
    }

    @Override
    public void authorize(HttpRequest.Builder request, String token) {
        request.header("Authorization", "Bearer " + token);
    }

    @Override
    public String tokenAdvice(HubId id) {
        return "open " + endpoint + "/" + id.repository() + " to see whether it asks for an agreement, make a token at "
                + endpoint + "/settings/tokens, and set HF_TOKEN";
    }
}
