package dev.fathom.engine;

import dev.fathom.cache.PrefixCache;
import dev.fathom.cache.SlotLease;
import dev.fathom.engine.Batch.Part;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides what each step computes: one token for every sequence that decodes, and beside them prompt tokens up to the
 * prefill budget. At most one sequence at a time has a part of its prompt computed and the rest to come.
 *
 * <p>A waiting sequence is admitted if its prompt and what all admitted ones are expected to generate have slots. That
 * is an estimate; when slots run out, running sequences are retracted until the rest can go on. The one that generated
 * most is never retracted, so there is always one that comes to its end.
 */
final class Scheduler {
    /** No request is expected to need more slots for its output than this, whatever it asks for. */
    static final int MOST_EXPECTED_TOKENS = 4096;

    /**
     * A sequence waits for another's prefill if that is about to compute at least this many tokens of its prefix: a
     * step later it finds them in the cache.
     */
    static final int WORTH_WAITING_TOKENS = 32;

    /** Logits of one step that only explain prompts; 128 MiB of them. A step has at least a page of such rows. */
    static final int MOST_REPORTED_LOGITS = 32 << 20;

    private final EngineConfig config;
    private final PrefixCache cache;
    private final LongSupplier nanoClock;
    private final WaitingQueue waiting;
    private final List<Sequence> running = new ArrayList<>();
    private final NewTokenRatio ratio;
    private final Comparator<Sequence> retractionOrder;
    private final int reportedRows;
    private @Nullable Sequence partial;

    /**
     * @param admitted      sequences that start or start again with this step
     * @param cachedTokens  tokens of these that were found in the cache
     * @param retracted     running sequences that went back to the queue, for want of slots or for a higher priority
     */
    record Plan(Batch batch, int admitted, int cachedTokens, List<Sequence> retracted) {}

    /** The plan while it is made. */
    private static final class Draft {
        final List<Part> parts = new ArrayList<>();
        int prefillSequences;
        int prefillTokens;
        int reportedRows;
        int admitted;
        int cachedTokens;

        void prefill(Sequence sequence, int from, int to) {
            boolean samples = to == sequence.size() && sequence.remaining() > 0;
            Part part = new Part(sequence, from, to - from, samples, true);
            parts.add(part);
            reportedRows += part.reportedRows();
            prefillSequences++;
            prefillTokens += to - from;
        }
    }

    /** @param vocabulary  numbers in a row of logits */
    Scheduler(EngineConfig config, PrefixCache cache, int vocabulary, LongSupplier nanoClock) {
        this.config = config;
        this.cache = cache;
        this.nanoClock = nanoClock;
        reportedRows = Math.max(config.pageSize(), MOST_REPORTED_LOGITS / vocabulary);
        waiting = new WaitingQueue(config);
        ratio = new NewTokenRatio(config.admission().conservativeness());
        Comparator<Sequence> leastOutput = Comparator.comparingInt(Sequence::generated)
                .thenComparing(Comparator.comparingLong(Sequence::order).reversed());
        retractionOrder = config.priorityScheduling()
                ? Comparator.<Sequence>comparingInt(s -> s.request().priority()).thenComparing(leastOutput)
                : leastOutput;
    }

    void add(Sequence sequence) {
        waiting.add(sequence);
    }

    int waitingCount() {
        return waiting.size();
    }

    int runningCount() {
        return running.size();
    }

    /** See {@link NewTokenRatio}. */
    double newTokenRatio() {
        return ratio.value();
    }

    boolean isIdle() {
        return running.isEmpty() && waiting.size() == 0;
    }

    /** Slots that running sequences keep from being evicted. */
    int heldTokens() {
        return cache.totalTokens() - cache.freeTokens() - cache.evictableTokens();
    }

    /** What the next step computes; all its rows have slots. Empty only if there is nothing to do. */
    Plan next() {
        if (running.isEmpty()) {
            ratio.reset();
        }
        Draft draft = new Draft();
        List<Sequence> retracted = retractUntilDecodesFit();
        List<Sequence> preempted = retracted.isEmpty() ? preempt() : List.of();
        decode(draft);
        continuePartial(draft);
        if (retracted.isEmpty() && partial == null) {
            admit(draft, preempted);
        }
        if (draft.parts.isEmpty() && !isIdle()) {
            throw new IllegalStateException("nothing can be scheduled with " + running.size() + " running and "
                    + waiting.size() + " waiting requests and " + cache.obtainablePages() + " pages to be had");
        }
        return new Plan(
                Batch.of(draft.parts), draft.admitted, draft.cachedTokens, retracted.isEmpty() ? preempted : retracted);
    }

    /** A part was computed: if it is of a prompt, its tokens are there for others to use. */
    void computed(Part part) {
        Sequence sequence = part.sequence();
        sequence.advance(part.count());
        if (part.prefill()) {
            cache.commit(sequence.lease(), sequence.tokens(), sequence.computed());
        }
    }

    /** Takes a sequence out, running or waiting; what it computed stays in the prefix cache. */
    void end(Sequence sequence) {
        if (sequence.isAdmitted()) {
            cache.release(sequence.lease(), sequence.tokens(), sequence.computed());
        }
        remove(sequence);
    }

    /** Takes a running sequence out whose last step went wrong: none of its own slots can be trusted. */
    void discard(Sequence sequence) {
        cache.discard(sequence.lease());
        remove(sequence);
    }

    private void remove(Sequence sequence) {
        if (sequence.isAdmitted()) {
            running.remove(sequence);
            sequence.leave();
        } else {
            waiting.remove(sequence);
        }
        if (partial == sequence) {
            partial = null;
        }
    }

    private List<Sequence> retractUntilDecodesFit() {
        List<Sequence> retracted = new ArrayList<>();
        while (missingPagesOfDecodes() > cache.obtainablePages()) {
            if (running.size() == 1) {
                throw new IllegalStateException(
                        "request " + running.getFirst().id() + " alone does not fit the cache it was admitted to");
            }
            Sequence least = running.stream().min(retractionOrder).orElseThrow();
            retract(least);
            retracted.add(least);
        }
        if (!retracted.isEmpty()) {
            long generated = running.stream().mapToLong(Sequence::generated).sum();
            long wanted = running.stream()
                    .mapToLong(s -> s.submission().maxNewTokens())
                    .sum();
            ratio.afterRetraction(generated, running.size(), wanted);
        }
        return retracted;
    }

    /**
     * Sends running sequences of much lower priority back where the first one that waits finds no place beside them; none
     * where that would not be enough.
     */
    private List<Sequence> preempt() {
        OptionalInt threshold = config.admission().preemptionThreshold();
        if (!config.priorityScheduling() || threshold.isEmpty() || partial != null) {
            return List.of();
        }
        Sequence first = waiting.first().orElse(null);
        if (first == null) {
            return List.of();
        }
        List<Sequence> victims = new ArrayList<>();
        long freed = 0;
        int places = config.maxRunningRequests() - running.size();
        double missing = slotsWanted(first) - room(expectedOfRunning());
        for (Sequence s : running.stream().sorted(retractionOrder).toList()) {
            long lead = (long) first.request().priority() - s.request().priority();
            if ((places > 0 && freed >= missing) || lead <= threshold.getAsInt()) {
                break; // enough, or nobody further on has a lower priority
            }
            victims.add(s);
            places++;
            freed += s.size() + (long) expected(s);
        }
        if (places <= 0 || (freed < missing && victims.size() < running.size())) {
            return List.of();
        }
        victims.forEach(this::retract);
        return victims;
    }

    private int missingPagesOfDecodes() {
        int missing = 0;
        for (Sequence s : running) {
            if (s != partial) {
                missing += cache.missingPages(s.lease(), s.size());
            }
        }
        return missing;
    }

    /** What it computed goes to the prefix cache, where it is found again unless others need the room first. */
    private void retract(Sequence sequence) {
        cache.release(sequence.lease(), sequence.tokens(), sequence.computed());
        running.remove(sequence);
        if (partial == sequence) {
            partial = null;
        }
        sequence.retract();
        waiting.add(sequence);
    }

    private void decode(Draft draft) {
        for (Sequence s : running) {
            if (s != partial) {
                extend(s.lease(), s.size());
                draft.parts.add(new Part(s, s.computed(), s.size() - s.computed(), true, false));
            }
        }
        if (!draft.parts.isEmpty()) {
            ratio.afterDecode();
        }
    }

    private void continuePartial(Draft draft) {
        Sequence s = partial;
        if (s == null) {
            return;
        }
        int to = chunkEnd(s, s.lease(), config.prefillBudget(), draft);
        if (to > s.computed()) {
            extend(s.lease(), to);
            draft.prefill(s, s.computed(), to);
        }
        if (to == s.size()) {
            partial = null;
        }
    }

    /** @param preempted  those that have just made room, and are not to take it again */
    private void admit(Draft draft, List<Sequence> preempted) {
        double expected = expectedOfRunning();
        int mostPrefills = config.admission().prefillRequests().orElse(Integer.MAX_VALUE);
        List<Sequence> admitted = new ArrayList<>();
        for (Sequence s : waiting.inOrder(cache)) {
            if (running.size() >= config.maxRunningRequests()
                    || draft.prefillTokens >= config.prefillBudget()
                    || draft.prefillSequences >= mostPrefills
                    || partial != null
                    || preempted.contains(s)) {
                break;
            }
            if (isWorthWaiting(s, draft)) {
                continue;
            }
            if (!start(s, draft, expected)) {
                break;
            }
            expected += Math.min(s.remaining(), MOST_EXPECTED_TOKENS);
            admitted.add(s);
        }
        admitted.forEach(waiting::remove);
    }

    /** Slots that running sequences are expected to need yet. */
    private double expectedOfRunning() {
        double expected = 0;
        for (Sequence s : running) {
            expected += expected(s);
        }
        return expected;
    }

    private double expected(Sequence s) {
        return Math.min(s.remaining(), MOST_EXPECTED_TOKENS) * ratio.value();
    }

    private double room(double expected) {
        return (double) cache.obtainablePages() * cache.pageSize() - expected;
    }

    /** Slots without which {@link #start} says no, as far as is known before it holds any. */
    private double slotsWanted(Sequence s) {
        int known = cache.matchLength(s.request().cacheKey(), s.tokens(), s.prefixLimit());
        return s.size() - known + Math.min(s.remaining(), MOST_EXPECTED_TOKENS) + 1.0;
    }

    /** Admits a sequence and plans as much of its prompt as the budget allows, or changes nothing and says no. */
    private boolean start(Sequence s, Draft draft, double expected) {
        SlotLease lease = cache.acquire(s.request().cacheKey(), s.tokens(), s.prefixLimit());
        int rest = s.size() - lease.shared();
        int ahead = Math.min(s.remaining(), MOST_EXPECTED_TOKENS);
        double room = room(expected);
        // A lone sequence fits by the limits it was accepted under, whatever the estimate says.
        boolean fits = running.isEmpty() || rest + ahead < room;
        int budget = config.prefillBudget() - draft.prefillTokens;
        boolean tooLongForNow = !config.chunksPrompts() && draft.prefillSequences > 0 && rest > budget;
        int to = lease.shared();
        if (fits && !tooLongForNow) {
            to = chunkEnd(s, lease, config.chunksPrompts() ? budget : rest, draft);
        }
        if (to <= lease.shared()) {
            cache.discard(lease);
            return false;
        }
        extend(lease, to);
        s.admit(lease, nanoClock.getAsLong());
        running.add(s);
        draft.prefill(s, lease.shared(), to);
        draft.admitted++;
        draft.cachedTokens += lease.shared();
        if (to < s.size()) {
            partial = s;
        }
        return true;
    }

    /**
     * Position up to which a prompt is computed next: its end, or the last page border that budget, slots and the room for
     * logits reach.
     */
    private int chunkEnd(Sequence s, SlotLease lease, int budget, Draft draft) {
        int from = s.isAdmitted() ? s.computed() : lease.shared();
        long reach = lease.allocated() + (long) cache.obtainablePages() * cache.pageSize();
        int to = (int) Math.min(Math.min(s.size(), (long) from + budget), reach);
        PromptReport report = s.report();
        if (report != null && report.rows(from, to) > 0) {
            to = (int) Math.min(to, (long) report.reach() + reportedRows - draft.reportedRows);
        }
        return to == s.size() ? to : Math.max(from, to - to % cache.pageSize());
    }

    /** Whether a prefill of this step is about to compute a good part of the prefix of {@code s}. */
    private boolean isWorthWaiting(Sequence s, Draft draft) {
        if (!cache.reuses()) {
            return false;
        }
        int known = -1;
        for (Part part : draft.parts) {
            Sequence other = part.sequence();
            if (!part.prefill()
                    || !other.request().cacheKey().equals(s.request().cacheKey())) {
                continue;
            }
            int limit = Math.min(s.prefixLimit(), part.to());
            int mismatch = Arrays.mismatch(s.tokens(), 0, limit, other.tokens(), 0, limit);
            int common = mismatch < 0 ? limit : mismatch;
            common -= common % cache.pageSize();
            if (common < WORTH_WAITING_TOKENS) {
                continue;
            }
            if (known < 0) {
                known = cache.matchLength(s.request().cacheKey(), s.tokens(), s.prefixLimit());
            }
            if (common - known >= WORTH_WAITING_TOKENS) {
                return true;
            }
        }
        return false;
    }

    private void extend(SlotLease lease, int length) {
        if (!cache.extend(lease, length)) {
            throw new IllegalStateException(
                    "no slots for " + length + " tokens although " + cache.obtainablePages() + " pages can be had");
        }
    }
}
