package dev.fathom.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;

/** A small repository of random bytes, and settings to fetch it with. */
final class HubFixture {
    static final HubId ID = HubId.parse(HubServer.MODEL).orElseThrow();
    static final HubRequest REQUEST = new HubRequest(ID, Optional.empty(), HubRequest.Part.MODEL);
    static final Patience.Policy QUICK = new Patience.Policy(5, Duration.ofMillis(5), Duration.ofMillis(20));

    private HubFixture() {}

    /** Shards of some hundred kilobytes, small files, and what nobody needs. */
    static Map<String, byte[]> files(Random random) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("config.json", "{\"model_type\": \"none\"}".getBytes(StandardCharsets.UTF_8));
        files.put("tokenizer.json", bytes(random, 300_000));
        files.put("model.safetensors.index.json", bytes(random, 9_000));
        for (int i = 1; i <= 3; i++) {
            files.put("model-0000" + i + "-of-00003.safetensors", bytes(random, 150_000 + random.nextInt(300_000)));
        }
        files.put("consolidated.safetensors", bytes(random, 1_000));
        files.put("README.md", bytes(random, 100));
        files.put("modeling_deepseek.py", bytes(random, 100));
        return files;
    }

    static List<String> needed() {
        return List.of(
                "config.json",
                "model-00001-of-00003.safetensors",
                "model-00002-of-00003.safetensors",
                "model-00003-of-00003.safetensors",
                "model.safetensors.index.json",
                "tokenizer.json");
    }

    static byte[] content(Map<String, byte[]> files, String name) {
        return Objects.requireNonNull(files.get(name), name);
    }

    static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    static HubSettings settings(URI endpoint, Path cache) {
        return new HubSettings(
                HubSettings.Site.HUGGING_FACE,
                endpoint,
                Optional.of("hf_secret"),
                cache,
                false,
                ProxySelector.of(null));
    }

    static HubDownload download(HubSettings settings) {
        return new HubDownload(settings, QUICK, HubCache::freeBytes);
    }

    /** Asserts that a snapshot holds the needed files, bit for bit, and nothing else, and that no part is left. */
    static void assertWhole(Path snapshot, Map<String, byte[]> files) throws IOException {
        try (var list = Files.list(snapshot)) {
            assertThat(list.map(path -> path.getFileName().toString()).sorted()).isEqualTo(needed());
        }
        for (String name : needed()) {
            assertThat(Files.readAllBytes(snapshot.resolve(name))).as(name).isEqualTo(content(files, name));
        }
        try (var blobs = Files.list(snapshot.resolve("../../blobs"))) {
            assertThat(blobs.map(Path::toString).filter(name -> name.endsWith("incomplete")))
                    .isEmpty();
        }
    }

    /** Keeps what it is told. */
    static final class Heard implements DownloadProgress {
        final List<DownloadPlan> plans = new CopyOnWriteArrayList<>();
        final List<String> sentences = new CopyOnWriteArrayList<>();
        volatile long done;
        volatile long total;

        @Override
        public void planned(DownloadPlan plan) {
            plans.add(plan);
        }

        @Override
        public synchronized void advance(long bytesDone, long bytesTotal) {
            done = Math.max(done, bytesDone);
            total = bytesTotal;
        }

        @Override
        public void say(String sentence) {
            sentences.add(sentence);
        }
    }
}
