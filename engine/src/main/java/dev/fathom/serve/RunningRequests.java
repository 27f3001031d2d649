package dev.fathom.serve;

import dev.fathom.api.RequestException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Sequences in flight by the id their requester knows them by. */
final class RunningRequests {
    /** Ends the id of the second and further answers to one prompt: {@code rid#1}. */
    static final char COPY_MARK = '#';

    private final Map<String, SequenceReader> running = new ConcurrentHashMap<>();

    void add(String id, SequenceReader reader) {
        if (running.putIfAbsent(id, reader) != null) {
            throw duplicate(id);
        }
    }

    void removeAll(List<String> ids) {
        ids.forEach(running::remove);
    }

    boolean contains(String id) {
        return running.containsKey(id);
    }

    /** Aborts the request of this id with all its answers; says how many sequences that were. */
    int abort(String id) {
        int aborted = 0;
        for (var entry : running.entrySet()) {
            if (entry.getKey().equals(id) || entry.getKey().startsWith(id + COPY_MARK)) {
                entry.getValue().abort();
                aborted++;
            }
        }
        return aborted;
    }

    int abortAll() {
        int aborted = 0;
        for (SequenceReader reader : running.values()) {
            reader.abort();
            aborted++;
        }
        return aborted;
    }

    int size() {
        return running.size();
    }

    static RequestException duplicate(String id) {
        return RequestException.invalid(
                "rid", "rid \"" + id + "\" belongs to a request that is still running: choose another one.");
    }
}
