package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import javax.net.ssl.SSLHandshakeException;

/**
 * Requests to a hub. Redirects are followed here and not by the client, because the token must not go to the hosts that they lead
 * to. HTTP/1.1, so that several files come over several connections.
 */
final class HubHttp implements AutoCloseable {
    private static final int MOST_REDIRECTS = 8;
    private static final int LISTING_LIMIT_BYTES = 64 << 20;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

    private final HubSettings settings;
    private final HubSite site;
    private final HubStatus status;
    private final HttpClient client;

    HubHttp(HubSettings settings, HubSite site, HubId id) {
        this.settings = settings;
        this.site = site;
        this.status =
                new HubStatus(site, settings.endpoint(), id, settings.token().isPresent());
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT_TIMEOUT)
                .proxy(settings.proxies())
                .build();
    }

    /** @throws TransientException if it may work later */
    byte[] listing(URI uri) throws TransientException, InterruptedException {
        HttpResponse<InputStream> response = send(uri, 0);
        try (InputStream body = response.body()) {
            if (response.statusCode() != 200) {
                throw status.problem(response);
            }
            byte[] answer = body.readNBytes(LISTING_LIMIT_BYTES + 1);
            if (answer.length > LISTING_LIMIT_BYTES) {
                throw new CheckpointException(uri + " answers with more than " + LISTING_LIMIT_BYTES
                        + " bytes, which is no list of files: check the address of the hub.");
            }
            return answer;
        } catch (TransientException e) {
            throw e;
        } catch (IOException e) {
            throw dropped(uri, e);
        }
    }

    /**
     * A file's bytes from one of them on.
     *
     * @return an answer of status 200, 206 or 416; the caller closes its body
     */
    HttpResponse<InputStream> file(URI uri, long from) throws TransientException, InterruptedException {
        HttpResponse<InputStream> response = send(uri, from);
        int code = response.statusCode();
        if (code == 200 || code == 206 || code == 416) {
            return response;
        }
        closed(response);
        throw status.problem(response);
    }

    /** Size and checksum of a file from its headers, where a listing lacks them. */
    RepoFile described(URI uri, RepoFile file) throws TransientException, InterruptedException {
        HttpRequest.Builder request = request(uri).method("HEAD", HttpRequest.BodyPublishers.noBody());
        HttpResponse<?> response = exchange(request.build(), HttpResponse.BodyHandlers.discarding());
        int code = response.statusCode();
        boolean redirect = isRedirect(code);
        if (code != 200 && !redirect) {
            throw status.problem(response);
        }
        Optional<String> etag = response.headers().firstValue("X-Linked-Etag");
        OptionalLong size = response.headers().firstValueAsLong("X-Linked-Size");
        if (etag.isEmpty() && !redirect) {
            etag = response.headers().firstValue("ETag");
            size = response.headers().firstValueAsLong("Content-Length");
        }
        if (etag.isEmpty() || size.isEmpty()) {
            throw new CheckpointException(uri + " comes without size or checksum, so that the file could not be"
                    + " verified: use another hub.");
        }
        return new RepoFile(file.path(), size.getAsLong(), Optional.of(FileHash.parse(etag.get(), file.path())));
    }

    private HttpResponse<InputStream> send(URI uri, long from) throws TransientException, InterruptedException {
        URI at = uri;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpRequest.Builder request = request(at).GET();
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            HttpResponse<InputStream> response = exchange(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            if (!isRedirect(response.statusCode())) {
                return response;
            }
            closed(response);
            at = target(at, response.headers().firstValue("Location").orElse(""));
        }
        throw new TransientException(uri + " leads to more than " + MOST_REDIRECTS + " other addresses");
    }

    private static URI target(URI from, String location) throws TransientException {
        URI target;
        try {
            target = from.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new TransientException(from.getHost() + " leads to an address that is none", e);
        }
        boolean http = "http".equals(target.getScheme()) && !"https".equals(from.getScheme());
        if (location.isEmpty() || target.getHost() == null || !(http || "https".equals(target.getScheme()))) {
            throw new CheckpointException(from + " leads to \"" + location
                    + "\", where nothing is fetched from: an address of https was wanted.");
        }
        return target;
    }

    private HttpRequest.Builder request(URI uri) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .timeout(ANSWER_TIMEOUT)
                .header("User-Agent", "fathom")
                .header("Accept-Encoding", "identity");
        if (HubStatus.sameOrigin(uri, settings.endpoint())) {
            settings.token().ifPresent(token -> site.authorize(request, token));
        }
        return request;
    }

    private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> handler)
            throws TransientException, InterruptedException {
        try {
            return client.send(request, handler);
        } catch (SSLHandshakeException e) {
            throw new CheckpointException(
                    request.uri().getHost() + " cannot be trusted (" + e.getMessage()
                            + "): if a proxy of yours stands between, add its certificate to the JDK's trust store.",
                    e);
        } catch (IOException e) {
            throw dropped(request.uri(), e);
        }
    }

    private static TransientException dropped(URI uri, IOException e) {
        String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new TransientException("the connection to " + uri.getHost() + " failed (" + reason + ")", e);
    }

    private static void closed(HttpResponse<InputStream> response) {
        try {
            response.body().close();
        } catch (IOException e) {
            // it was not wanted
        }
    }

    private static boolean isRedirect(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }
}
