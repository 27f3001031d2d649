package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Optional;

/** What an answer that is no success means, as a sentence that says what to do. */
record HubStatus(HubSite site, URI endpoint, HubId id, boolean hasToken) {
    /** @throws TransientException if the same request may work later */
    CheckpointException problem(HttpResponse<?> response) throws TransientException {
        int status = response.statusCode();
        boolean elsewhere = !sameOrigin(response.uri(), endpoint);
        boolean busy = status == 408 || status == 425 || status == 429 || status >= 500;
        if (busy || elsewhere) { // a signed address of another host may have expired: the hub gives a new one
            String who = response.uri().getHost();
            throw new TransientException(who + " answers with status " + status, retryAfter(response));
        }
        String code = response.headers().firstValue("X-Error-Code").orElse("");
        String model = id.repository();
        return new CheckpointException(
                switch (status) {
                    case 401, 403 ->
                        code.equals("GatedRepo") || status == 403
                                ? model + " is gated: " + (hasToken ? "the token has no access to it; " : "")
                                        + site.tokenAdvice(id) + " to one of an account that was granted access."
                                : noModel(
                                        hasToken
                                                ? "or the token may not read it, or is not valid"
                                                : "or it is private and needs a token: " + site.tokenAdvice(id));
                    case 404 ->
                        switch (code) {
                            case "RevisionNotFound" ->
                                model + " has no such revision at " + endpoint
                                        + ": give a branch, tag or commit of it with --revision, or leave that out.";
                            case "EntryNotFound" -> response.uri() + " is not there any more: run the command again.";
                            default -> noModel("or it is private and needs a token: " + site.tokenAdvice(id));
                        };
                    default ->
                        endpoint + " answers with status " + status + " when asked for "
                                + response.uri().getPath()
                                + ", which is not how a hub answers: check the address of the hub and of the proxy.";
                });
    }

    private String noModel(String or) {
        return "There is no model " + id.repository() + " at " + endpoint + ", " + or
                + ". If a folder was meant, it does not exist here.";
    }

    /** Scheme, host and port. */
    static boolean sameOrigin(URI a, URI b) {
        return a.getScheme().equalsIgnoreCase(b.getScheme())
                && a.getHost().equalsIgnoreCase(b.getHost())
                && a.getPort() == b.getPort();
    }

    /** Seconds, or a date. */
    private static Optional<Duration> retryAfter(HttpResponse<?> response) {
        return response.headers().firstValue("Retry-After").flatMap(text -> {
            try {
                return Optional.of(Duration.ofSeconds(Math.max(0, Long.parseLong(text.strip()))));
            } catch (NumberFormatException e) {
                return untilDate(text);
            }
        });
    }

    private static Optional<Duration> untilDate(String text) {
        try {
            Instant until = Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text));
            Duration wait = Duration.between(Instant.now(), until);
            return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
        } catch (DateTimeException e) {
            return Optional.empty(); // as if it were not there
        }
    }
}
