package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A model by its id on a hub becomes a folder on the disk, or a GGUF file: from the cache if it is there whole, else downloaded. Files
 * that huggingface_hub has put into the cache are used, and it finds those of this class.
 */
public final class HubDownload {
    private static final int FILES_AT_ONCE = 8;

    private final HubSettings settings;
    private final Patience.Policy patience;
    private final FreeSpace freeSpace;

    /** Asks the disk; tests answer themselves. */
    interface FreeSpace {
        long bytes(HubCache cache) throws IOException;
    }

    public HubDownload(HubSettings settings) {
        this(settings, Patience.Policy.DEFAULT, HubCache::freeBytes);
    }

    HubDownload(HubSettings settings, Patience.Policy patience, FreeSpace freeSpace) {
        this.settings = settings;
        this.patience = patience;
        this.freeSpace = freeSpace;
    }

    /**
     * What a fetch would bring, without bringing it.
     *
     * @throws CheckpointException as {@link #fetch}
     */
    public DownloadPlan plan(HubRequest request, DownloadProgress progress) throws InterruptedException {
        if (settings.offline()) {
            throw new CheckpointException("What " + request.id()
                    + " consists of only the hub can say, and HF_HUB_OFFLINE" + " is set: unset it.");
        }
        HubSite site = HubSite.of(settings);
        HubCache cache = new HubCache(settings.cache(), site, request.id());
        try (HubHttp http = new HubHttp(settings, site, request.id())) {
            RepoListing listing = list(http, site, request, patience, progress);
            return plan(
                    described(FileChoice.of(listing, request).files(), http, site, request, listing),
                    cache,
                    request,
                    listing);
        } catch (TransientException e) {
            throw unreachable(request, e);
        } catch (IOException e) {
            throw cache.unusable(e);
        }
    }

    /**
     * @return a folder with config.json, or a GGUF file
     * @throws CheckpointException  one sentence: what failed, and what to do; what has come by then is kept
     */
    public Path fetch(HubRequest request, DownloadProgress progress) throws InterruptedException {
        HubSite site = HubSite.of(settings);
        HubCache cache = new HubCache(settings.cache(), site, request.id());
        Optional<RepoListing> cached = cache.cached(revision(site, request));
        if (settings.offline()) {
            RepoListing there = cached.orElseThrow(() -> new CheckpointException("HF_HUB_OFFLINE is set, and "
                    + request.id() + " at revision " + revision(site, request) + " is not in " + settings.cache()
                    + ": unset it, or copy the folder " + cache.folder().getFileName()
                    + " from a machine where \"fathom download " + request.id() + "\" has run."));
            return place(cache, there, FileChoice.of(there, request));
        }
        try (HubHttp http = new HubHttp(settings, site, request.id())) {
            RepoListing listing;
            try {
                listing = list(http, site, request, cached.isPresent() ? patience.withAttempts(2) : patience, progress);
            } catch (TransientException e) {
                if (cached.isEmpty()) {
                    throw unreachable(request, e);
                }
                progress.say(settings.endpoint() + " cannot be reached (" + e.reason()
                        + "); using what was downloaded before.");
                return place(cache, cached.get(), FileChoice.of(cached.get(), request));
            }
            FileChoice choice = FileChoice.of(listing, request);
            List<RepoFile> files = described(choice.files(), http, site, request, listing);
            fetchAll(files, new Fetch(http, site, cache, request, listing), progress);
            for (RepoFile file : files) {
                cache.link(listing.commit(), file);
            }
            cache.writeRef(revision(site, request), listing.commit());
            return place(cache, listing, choice);
        } catch (IOException e) {
            throw cache.unusable(e);
        }
    }

    private record Fetch(HubHttp http, HubSite site, HubCache cache, HubRequest request, RepoListing listing) {}

    private static Path place(HubCache cache, RepoListing listing, FileChoice choice) {
        return cache.snapshot(listing.commit()).resolve(choice.file());
    }

    private static String revision(HubSite site, HubRequest request) {
        return request.revision().orElse(site.defaultRevision());
    }

    private CheckpointException unreachable(HubRequest request, TransientException e) {
        return new CheckpointException(
                request.id() + " is not a folder here, and " + settings.endpoint() + " cannot be asked for it: "
                        + e.reason() + "; check the network, HTTPS_PROXY and HF_ENDPOINT, or give a folder.",
                e);
    }

    private RepoListing list(
            HubHttp http, HubSite site, HubRequest request, Patience.Policy policy, DownloadProgress progress)
            throws TransientException, InterruptedException {
        String revision = revision(site, request);
        Patience tries = new Patience(policy, progress);
        while (true) {
            try {
                return site.parse(http.listing(site.listing(request.id(), revision)), request.id(), revision);
            } catch (TransientException e) {
                tries.pause(request.id().repository(), e);
            }
        }
    }

    /** The files, each with size and checksum. */
    private List<RepoFile> described(
            List<RepoFile> files, HubHttp http, HubSite site, HubRequest request, RepoListing listing)
            throws TransientException, InterruptedException {
        List<RepoFile> all = new ArrayList<>();
        for (RepoFile file : files) {
            all.add(file.known() ? file : http.described(site.file(request.id(), listing.commit(), file.path()), file));
        }
        return List.copyOf(all);
    }

    private DownloadPlan plan(List<RepoFile> files, HubCache cache, HubRequest request, RepoListing listing)
            throws IOException {
        long total = 0;
        long held = 0;
        for (RepoFile file : files) {
            total = Math.addExact(total, file.size());
            held += cache.heldBytes(listing.commit(), file);
        }
        return new DownloadPlan(
                request.id(),
                revision(HubSite.of(settings), request),
                settings.endpoint(),
                files.size(),
                total,
                total - held,
                cache.folder());
    }

    private void fetchAll(List<RepoFile> files, Fetch fetch, DownloadProgress progress)
            throws IOException, InterruptedException {
        Map<FileHash, RepoFile> missing = new LinkedHashMap<>(); // two files of the same bytes are one blob
        for (RepoFile file : files) {
            if (!fetch.cache.holds(fetch.listing.commit(), file)) {
                missing.put(file.requireHash(), file);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        DownloadPlan plan = plan(files, fetch.cache, fetch.request, fetch.listing);
        requireSpace(plan, fetch.cache);
        progress.planned(plan);
        Tally tally = new Tally(progress, plan.totalBytes() - plan.missingBytes(), plan.totalBytes());
        FileDownload.Shared shared = new FileDownload.Shared(fetch.http, fetch.cache, patience, tally, progress);
        List<FileDownload> downloads = new ArrayList<>();
        for (RepoFile file : missing.values()) {
            downloads.add(new FileDownload(
                    shared,
                    file,
                    fetch.site.file(fetch.request.id(), fetch.listing.commit(), file.path()),
                    fetch.cache.heldBytes(fetch.listing.commit(), file)));
        }
        runAll(downloads);
    }

    private void requireSpace(DownloadPlan plan, HubCache cache) throws IOException {
        long free = freeSpace.bytes(cache);
        if (plan.missingBytes() > free) {
            throw new CheckpointException(
                    "%s needs %s more in %s, where %s are free: free %s, or give another folder with"
                                    .formatted(
                                            plan.id(),
                                            gigabytes(plan.missingBytes()),
                                            plan.folder(),
                                            gigabytes(free),
                                            gigabytes(plan.missingBytes() - free))
                            + " --download-dir, HF_HUB_CACHE or HF_HOME.");
        }
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }

    /** The first failure ends the others. */
    private static void runAll(List<FileDownload> downloads) throws InterruptedException {
        try (ExecutorService threads = Executors.newFixedThreadPool(
                FILES_AT_ONCE, Thread.ofVirtual().name("fathom-download-", 0).factory())) {
            CompletionService<Boolean> ended = new ExecutorCompletionService<>(threads);
            downloads.forEach(download -> ended.submit(() -> {
                download.run();
                return true;
            }));
            boolean whole = false;
            try {
                for (int i = 0; i < downloads.size(); i++) {
                    ended.take().get();
                }
                whole = true;
            } catch (ExecutionException e) {
                throw failure(e);
            } finally {
                if (!whole) {
                    threads.shutdownNow();
                }
            }
        }
    }

    private static RuntimeException failure(ExecutionException e) throws InterruptedException {
        return switch (e.getCause()) {
            case InterruptedException interrupted -> throw interrupted;
            case RuntimeException known -> known;
            case null, default -> new IllegalStateException(e);
        };
    }
}
