package dev.fathom.engine;

import dev.fathom.cache.PrefixCache;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Sequences that hold no slots, in the order in which they are admitted: by priority if that counts, then those that a
 * retraction sent back, then by arrival.
 */
final class WaitingQueue {
    /** Above this many the longest prefix is not looked for. */
    static final int LPM_QUEUE_LIMIT = 128;

    private final boolean longestPrefixFirst;
    private final Comparator<Sequence> rank;
    private final TreeSet<Sequence> sequences;

    WaitingQueue(EngineConfig config) {
        longestPrefixFirst = config.policy() == SchedulePolicy.LPM && config.radixCache();
        Comparator<Sequence> retractedFirst = Comparator.comparing(s -> s.retractions() == 0);
        rank = config.priorityScheduling()
                ? Comparator.<Sequence>comparingInt(s -> s.request().priority())
                        .reversed()
                        .thenComparing(retractedFirst)
                : retractedFirst;
        sequences = new TreeSet<>(rank.thenComparingLong(Sequence::order));
    }

    void add(Sequence sequence) {
        sequences.add(sequence);
    }

    void remove(Sequence sequence) {
        sequences.remove(sequence);
    }

    /** Whom priority and arrival put first; whether a prefix of it is cached does not count. */
    Optional<Sequence> first() {
        return sequences.isEmpty() ? Optional.empty() : Optional.of(sequences.first());
    }

    int size() {
        return sequences.size();
    }

    /** The order of admission as of now; not to be read after a change of the queue. */
    Iterable<Sequence> inOrder(PrefixCache cache) {
        if (!longestPrefixFirst || sequences.size() > LPM_QUEUE_LIMIT) {
            return sequences;
        }
        Map<Sequence, Integer> matched = new HashMap<>();
        for (Sequence s : sequences) {
            matched.put(s, cache.matchLength(s.request().cacheKey(), s.tokens(), s.prefixLimit()));
        }
        List<Sequence> sorted = new ArrayList<>(sequences);
        sorted.sort(rank.thenComparingInt(s -> -matched.getOrDefault(s, 0)));
        return sorted;
    }
}
