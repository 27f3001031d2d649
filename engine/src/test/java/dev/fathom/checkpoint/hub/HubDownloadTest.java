package dev.fathom.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.hub.HubServer.Body;
import dev.fathom.checkpoint.hub.HubServer.Drop;
import dev.fathom.checkpoint.hub.HubServer.Fault;
import dev.fathom.checkpoint.hub.HubServer.NoRanges;
import dev.fathom.checkpoint.hub.HubServer.Status;
import dev.fathom.checkpoint.hub.HubServer.WrongBytes;
import dev.fathom.checkpoint.hub.HubServer.WrongLength;
import dev.fathom.checkpoint.hub.HubServer.WrongRange;
import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubDownloadTest {
    private final Map<String, byte[]> files = HubFixture.files(new Random(7));
    private final HubFixture.Heard heard = new HubFixture.Heard();
    private HubServer server;

    @TempDir
    private Path cache;

    @BeforeEach
    void start() throws IOException {
        server = new HubServer(files);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private HubSettings settings() {
        return HubFixture.settings(server.endpoint(), cache);
    }

    private Path fetch() throws InterruptedException {
        return HubFixture.download(settings()).fetch(HubFixture.REQUEST, heard);
    }

    @Test
    void laysTheCacheOutAsHuggingFaceDoes() throws Exception {
        Path snapshot = fetch();
        Path repository = cache.resolve("models--deepseek-ai--Torture");
        assertThat(snapshot).isEqualTo(repository.resolve("snapshots").resolve(HubServer.COMMIT));
        HubFixture.assertWhole(snapshot, files);
        assertThat(repository.resolve("refs/main")).hasContent(HubServer.COMMIT);
        String blob = HubServer.hash(HubFixture.content(files, "tokenizer.json"));
        assertThat(Files.readSymbolicLink(snapshot.resolve("tokenizer.json"))).hasToString("../../blobs/" + blob);
        assertThat(cache.resolve(".locks/models--deepseek-ai--Torture").resolve(blob + ".lock"))
                .isEmptyFile();
    }

    @Test
    void saysBeforehandWhatIsFetchedAndHowLargeItIs() throws Exception {
        fetch();
        long total = HubFixture.needed().stream()
                .mapToLong(name -> HubFixture.content(files, name).length)
                .sum();
        assertThat(heard.plans)
                .containsExactly(new DownloadPlan(
                        HubFixture.ID,
                        "main",
                        server.endpoint(),
                        6,
                        total,
                        total,
                        cache.resolve("models--deepseek-ai--Torture")));
        assertThat(heard.done).isEqualTo(total);
        assertThat(heard.total).isEqualTo(total);
    }

    @Test
    void fetchesNothingThatIsThere() throws Exception {
        fetch();
        long sent = server.bytesSent();
        HubFixture.assertWhole(fetch(), files);
        assertThat(server.bytesSent()).isEqualTo(sent);
        assertThat(heard.plans).hasSize(1);
    }

    @Test
    void plansWithoutFetching() throws Exception {
        DownloadPlan plan = HubFixture.download(settings()).plan(HubFixture.REQUEST, heard);
        assertThat(plan.files()).isEqualTo(6);
        assertThat(plan.missingBytes()).isEqualTo(plan.totalBytes());
        assertThat(server.fileRequests()).isEmpty();
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void sendsTheTokenToTheHubAndNobodyElse() throws Exception {
        fetch();
        assertThat(server.requests()).anyMatch(request -> request.host() == 1);
        for (HubServer.Request request : server.requests()) {
            String authorization = request.headers().get("Authorization");
            if (request.host() == 0) {
                assertThat(authorization).isEqualTo("Bearer hf_secret");
            } else {
                assertThat(authorization).isNull();
                assertThat(request.headers().toString()).doesNotContain("hf_secret");
            }
        }
    }

    @Test
    void survivesWhateverASingleAnswerDoes() throws Exception {
        List<Fault> wrong = List.of(
                new Status(503),
                new Status(500),
                new Status(429, Map.of("Retry-After", "0")),
                new Drop(0),
                new Drop(1),
                new Drop(70_000),
                new WrongLength(5),
                new WrongLength(-5),
                new WrongBytes(),
                new NoRanges(),
                new WrongRange(),
                new Body("<html>a proxy's page</html>"));
        for (Fault fault : wrong) {
            Path here = cache.resolve(fault.toString().replaceAll("\\W", "-"));
            try (HubServer faulty = new HubServer(files)) {
                // Every file is dropped in its middle, then asked for by range.
                faulty.faultsOfFiles(fault, fault, fault, new Drop(60_000), new Drop(60_000), fault, fault, fault);
                Path snapshot = HubFixture.download(HubFixture.settings(faulty.endpoint(), here))
                        .fetch(HubFixture.REQUEST, heard);
                HubFixture.assertWhole(snapshot, files);
            } catch (CheckpointException e) {
                throw new AssertionError(fault.toString(), e);
            }
        }
    }

    @Test
    void goesOnWhereAConnectionDropped() throws Exception {
        server.faults(request -> request.path().contains("/cdn/model-00001")
                        && !request.headers().containsKey("Range")
                ? List.of(new Drop(100_000))
                : List.of());
        HubFixture.assertWhole(fetch(), files);
        assertThat(server.fileRequests())
                .anyMatch(request -> "bytes=100000-".equals(request.headers().get("Range")));
        long total = HubFixture.needed().stream()
                .mapToLong(name -> HubFixture.content(files, name).length)
                .sum();
        assertThat(server.bytesSent()).isEqualTo(total);
    }

    @Test
    void keepsWhatHasComeForTheNextRun() throws Exception {
        HubFixture.Heard first = new HubFixture.Heard();
        server.faults(request -> request.path().contains("/cdn/model-00002")
                ? List.of(request.headers().containsKey("Range") ? new Status(503) : new Drop(40_000))
                : List.of());
        assertThatThrownBy(() -> HubFixture.download(settings()).fetch(HubFixture.REQUEST, first))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(
                        "model-00002-of-00003.safetensors cannot be fetched: 127.0.0.1 answers with status 503; what has"
                                + " come is kept, run the command again to go on.");
        assertThat(cache.resolve("models--deepseek-ai--Torture/snapshots")).doesNotExist();
        server.faults(request -> List.of());
        HubFixture.assertWhole(fetch(), files);
        DownloadPlan plan = heard.plans.getFirst();
        assertThat(plan.missingBytes()).isLessThanOrEqualTo(plan.totalBytes() - 40_000);
        assertThat(server.fileRequests())
                .anyMatch(request -> "bytes=40000-".equals(request.headers().get("Range")));
    }

    @Test
    void waitsAsLongAsTheServerAsks() throws Exception {
        server.faults(request ->
                request.path().startsWith("/api") && server.requests().size() < 2
                        ? List.of(new Status(429, Map.of("Retry-After", "1")))
                        : List.of());
        HubFixture.assertWhole(fetch(), files);
        assertThat(heard.sentences)
                .contains("deepseek-ai/Torture: 127.0.0.1 answers with status 429; trying again in 1 s.");
    }

    @Test
    void keepsNothingOfAFileWhoseBytesAreWrongAgainAndAgain() {
        server.faults(request -> request.path().contains("/cdn/model-00003") ? List.of(new WrongBytes()) : List.of());
        assertThatThrownBy(this::fetch)
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("model-00003-of-00003.safetensors came 3 times with another checksum than the "
                        + HubServer.sha256(HubFixture.content(files, "model-00003-of-00003.safetensors")));
        assertThat(cache.resolve("models--deepseek-ai--Torture/blobs"))
                .isDirectoryNotContaining(path ->
                        path.endsWith(HubServer.sha256(HubFixture.content(files, "model-00003-of-00003.safetensors"))));
        assertThat(cache.resolve("models--deepseek-ai--Torture/snapshots")).doesNotExist();
    }

    @Test
    void repairsAPartThatWasDamaged() throws Exception {
        Path part = cache.resolve("models--deepseek-ai--Torture/blobs")
                .resolve(HubServer.sha256(HubFixture.content(files, "tokenizer.json")) + ".fathom.incomplete");
        Files.createDirectories(part.getParent());
        Files.write(part, new byte[1000]);
        HubFixture.assertWhole(fetch(), files);
        assertThat(heard.sentences).contains("tokenizer.json came with a wrong checksum; fetching it again.");
        Files.write(part, new byte[HubFixture.content(files, "tokenizer.json").length + 1]);
        Files.delete(part.resolveSibling(HubServer.sha256(HubFixture.content(files, "tokenizer.json"))));
        HubFixture.assertWhole(fetch(), files);
    }

    @Test
    void looksAtTheFreeDiskFirst() {
        HubDownload download = new HubDownload(settings(), HubFixture.QUICK, place -> 1_000);
        assertThatThrownBy(() -> download.fetch(HubFixture.REQUEST, heard))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("deepseek-ai/Torture needs 0\\.00 GB more in .*models--deepseek-ai--Torture, where"
                        + " 0\\.00 GB are free: free 0\\.00 GB, or give another folder with --download-dir,"
                        + " HF_HUB_CACHE or HF_HOME\\.");
        assertThat(server.fileRequests()).isEmpty();
    }

    @Test
    void takesWhatIsInTheCacheWithoutANetwork() throws Exception {
        HubSettings offline = new HubSettings(
                HubSettings.Site.HUGGING_FACE,
                server.endpoint(),
                Optional.empty(),
                cache,
                true,
                ProxySelector.of(null));
        assertThatThrownBy(() -> HubFixture.download(offline).fetch(HubFixture.REQUEST, heard))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(
                        "HF_HUB_OFFLINE is set, and deepseek-ai/Torture at revision main is not in " + cache);
        Path snapshot = fetch();
        int requests = server.requests().size();
        assertThat(HubFixture.download(offline).fetch(HubFixture.REQUEST, heard))
                .isEqualTo(snapshot);
        HubRequest commit = new HubRequest(HubFixture.ID, Optional.of(HubServer.COMMIT), HubRequest.Part.MODEL);
        assertThat(HubFixture.download(offline).fetch(commit, heard)).isEqualTo(snapshot);
        assertThat(server.requests()).hasSize(requests);
        server.close();
        assertThat(fetch()).isEqualTo(snapshot);
        assertThat(heard.sentences).last().asString().endsWith("using what was downloaded before.");
    }

    @Test
    void saysThatAHubCannotBeReached() {
        HubSettings nowhere = HubFixture.settings(URI.create("http://127.0.0.1:1"), cache);
        assertThatThrownBy(() -> HubFixture.download(nowhere).fetch(HubFixture.REQUEST, heard))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(
                        "deepseek-ai/Torture is not a folder here, and http://127.0.0.1:1 cannot be asked for it: the"
                                + " connection to 127.0.0.1 failed")
                .hasMessageEndingWith("check the network, HTTPS_PROXY and HF_ENDPOINT, or give a folder.");
    }

    @Test
    void saysWhatToDoAboutAccess() {
        assertRefused(
                new Status(401, Map.of("X-Error-Code", "GatedRepo")),
                "deepseek-ai/Torture is gated: the token has no access");
        assertRefused(new Status(403), "deepseek-ai/Torture is gated: the token has no access");
        assertRefused(
                new Status(401, Map.of("X-Error-Code", "RepoNotFound")),
                "There is no model deepseek-ai/Torture at " + server.endpoint() + ", or the token may not read it");
        assertRefused(new Status(404), "There is no model deepseek-ai/Torture at");
        assertRefused(
                new Status(404, Map.of("X-Error-Code", "RevisionNotFound")),
                "deepseek-ai/Torture has no such revision at");
        assertRefused(new Status(418), server.endpoint() + " answers with status 418");
        assertRefused(
                new Body("<html>"),
                server.endpoint() + " answers for deepseek-ai/Torture with something that is not JSON");
        assertRefused(new Body("{}"), server.endpoint() + " lists no files of deepseek-ai/Torture");
    }

    private void assertRefused(Fault fault, String sentence) {
        server.faults(request -> List.of(fault));
        assertThatThrownBy(this::fetch)
                .as(fault.toString())
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(sentence);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../evil.json",
                "/etc/evil.json",
                "a/../../evil.json",
                "a\\\\..\\\\evil.json",
                "C:evil.json",
                "a//b.json",
                ""
            })
    void writesNothingOutsideItsFolder(String name) {
        server.faults(
                request -> List.of(new Body("{\"sha\": \"" + HubServer.COMMIT + "\", \"siblings\": [{\"rfilename\": \""
                        + name + "\", \"size\": 1, \"blobId\": \"" + "0".repeat(40) + "\"}]}")));
        assertThatThrownBy(this::fetch)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("would lead out of the model's folder: nothing is downloaded.");
        assertThat(cache).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "", "a/b"})
    void writesNothingForACommitThatIsNone(String commit) {
        server.faults(
                request -> List.of(
                        new Body(
                                "{\"sha\": \"" + commit
                                        + "\", \"siblings\": [{\"rfilename\": \"config.json\", \"size\": 1, \"blobId\": \"../../../../x\"}]}")));
        assertThatThrownBy(this::fetch).isInstanceOf(CheckpointException.class);
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void asksForSizeAndChecksumWhereTheListHasNone() throws Exception {
        server.listNoBlobs();
        HubFixture.assertWhole(fetch(), files);
    }

    @Test
    void fetchesOnlyTheConfigurationIfNoMoreIsWanted() throws Exception {
        HubRequest request = new HubRequest(HubFixture.ID, Optional.empty(), HubRequest.Part.CONFIGURATION);
        Path snapshot = HubFixture.download(settings()).fetch(request, heard);
        try (var list = Files.list(snapshot)) {
            assertThat(list.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("config.json", "tokenizer.json");
        }
    }

    @Test
    void letsTwoAtOnceFetchEveryByteOnce() throws Exception {
        CompletableFuture<Path> other = CompletableFuture.supplyAsync(() -> {
            try {
                return HubFixture.download(settings()).fetch(HubFixture.REQUEST, DownloadProgress.none());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        HubFixture.assertWhole(fetch(), files);
        HubFixture.assertWhole(other.get(), files);
        long total = HubFixture.needed().stream()
                .mapToLong(name -> HubFixture.content(files, name).length)
                .sum();
        assertThat(server.bytesSent()).isEqualTo(total);
    }

    @Test
    void speaksModelScopesProtocol() throws Exception {
        HubSettings modelScope = new HubSettings(
                HubSettings.Site.MODEL_SCOPE,
                server.endpoint(),
                Optional.of("ms-secret"),
                cache,
                false,
                ProxySelector.of(null));
        server.faultsOfFiles(new Drop(5_000), new Drop(5_000));
        Path snapshot = HubFixture.download(modelScope).fetch(HubFixture.REQUEST, heard);
        assertThat(snapshot).isEqualTo(cache.resolve("models/deepseek-ai--Torture/snapshots/master"));
        HubFixture.assertWhole(snapshot, files);
        assertThat(server.requests())
                .allMatch(request ->
                        "m_session_id=ms-secret".equals(request.headers().get("Cookie")));
        byte[] config = "{\"model_type\": \"more\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        try (HubServer changed = new HubServer(Map.of("config.json", config, "a.safetensors", new byte[9]))) {
            HubSettings there = new HubSettings(
                    HubSettings.Site.MODEL_SCOPE,
                    changed.endpoint(),
                    Optional.empty(),
                    cache,
                    false,
                    ProxySelector.of(null));
            HubFixture.download(there).fetch(HubFixture.REQUEST, heard);
            assertThat(snapshot.resolve("config.json")).hasBinaryContent(config);
        }
    }
}
