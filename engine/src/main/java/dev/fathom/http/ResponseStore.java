package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.serve.TextStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * The responses that can be retrieved and gone on from: in memory, the {@value #MOST_RESPONSES} used last, of together at
 * most {@value #MOST_CHARACTERS} characters. One that still runs is never dropped.
 */
final class ResponseStore {
    static final int MOST_RESPONSES = 1024;
    static final long MOST_CHARACTERS = 32 << 20;

    private final Map<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private final int mostResponses;
    private final long mostCharacters;
    private long characters;

    ResponseStore() {
        this(MOST_RESPONSES, MOST_CHARACTERS);
    }

    ResponseStore(int mostResponses, long mostCharacters) {
        this.mostResponses = mostResponses;
        this.mostCharacters = mostCharacters;
    }

    /**
     * One response.
     *
     * @param response      as it stands
     * @param conversation  what a later request goes on from; empty while the answer runs
     * @param run           null for one that a client waited for
     */
    record Entry(
            ObjectNode response,
            List<Map<String, @Nullable Object>> conversation,
            @Nullable Background run) {
        boolean running() {
            String status = response.get("status").stringValue();
            return status.equals("queued") || status.equals("in_progress");
        }

        private long size() {
            return (long) response.toString().length() + conversation.toString().length();
        }
    }

    /**
     * An answer that no client waits for.
     *
     * @param ended  done with the last state of the response
     */
    record Background(TextStream answer, CompletableFuture<ObjectNode> ended) {}

    synchronized void put(String id, Entry entry) {
        remove(id);
        entries.put(id, entry);
        characters += entry.size();
        var oldest = entries.entrySet().iterator();
        while (oldest.hasNext() && (entries.size() > mostResponses || characters > mostCharacters)) {
            Map.Entry<String, Entry> next = oldest.next();
            if (!next.getValue().running() && !next.getKey().equals(id)) {
                characters -= next.getValue().size();
                oldest.remove();
            }
        }
    }

    /** @throws RequestException NOT_FOUND */
    synchronized Entry get(String id) {
        Entry entry = entries.get(id);
        if (entry == null) {
            throw new RequestException(
                    ErrorCode.NOT_FOUND,
                    "Response with id '" + id + "' not found: the server keeps the last " + mostResponses
                            + " responses that were stored, until it ends.",
                    "response_id");
        }
        return entry;
    }

    synchronized void remove(String id) {
        Entry old = entries.remove(id);
        if (old != null) {
            characters -= old.size();
        }
    }
}
