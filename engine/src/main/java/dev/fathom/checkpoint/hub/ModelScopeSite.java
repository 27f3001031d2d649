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
 * ModelScope's protocol, and the cache layout of its package since version 1.38: snapshots by the name of their revision.
 *
 * @see "the Python packages modelscope and modelscope_hub, _legacy_api.py and _download.py"
 */
record ModelScopeSite(URI endpoint) implements HubSite {
    @Override
    public String defaultRevision() {
        return "master";
    }

    @Override
    public URI listing(HubId id, String revision) {
        return URI.create(endpoint + "/api/v1/models/" + id.repository() + "/repo/files?Revision="
                + HubSite.encode(revision) + "&Recursive=True");
    }

    @Override
    public RepoListing parse(byte[] answer, HubId id, String revision) {
        JsonNode data;
        try {
            data = JsonMapper.shared().readTree(answer).path("Data");
        } catch (JacksonException e) {
            throw new CheckpointException(
                    endpoint + " answers for " + id.repository() + " with something that is not JSON ("
                            + e.getOriginalMessage() + "): MODELSCOPE_ENDPOINT says which hub is asked.",
                    e);
        }
        List<RepoFile> files = new ArrayList<>();
        for (JsonNode file : data.isArray() ? data : data.path("Files")) {
            if (file.path("Type").asString("blob").equals("tree")) {
                continue;
            }
            String path = file.path("Path").asString("");
            String hash = file.path("Sha256").asString("");
            files.add(new RepoFile(
                    path,
                    file.path("Size").asLong(-1),
                    hash.isEmpty() ? Optional.empty() : Optional.of(FileHash.parse(hash, path))));
        }
        if (files.isEmpty()) {
            throw new CheckpointException(endpoint + " lists no files of " + id.repository() + " at revision "
                    + revision + ": check the name and --revision.");
        }
        return new RepoListing(revision, files);
    }

    @Override
    public URI file(HubId id, String commit, String path) {
        return URI.create(endpoint + "/api/v1/models/" + id.repository() + "/repo?Revision=" + HubSite.encode(commit)
                + "&FilePath=" + HubSite.encode(path).replace("/", "%2F"));
    }

    @Override
    public String folder(HubId id) {
        return "models/" + id.owner() + "--" + id.name();
    }

    @Override
    public String lockFolder(HubId id) {
        return ".lock/" + id.owner() + "--" + id.name();
    }

    @Override
    public void authorize(HttpRequest.Builder request, String token) {
        request.header("Authorization", "Bearer " + token);
        request.header("Cookie", "m_session_id=" + token);
    }

    @Override
    public String tokenAdvice(HubId id) {
        return "open " + endpoint + "/models/" + id.repository() + ", make a token there, and set MODELSCOPE_API_TOKEN";
    }
}
