package dev.fathom.engine;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.api.TokenConstraint;
import dev.fathom.api.TokenMask;
import dev.fathom.cache.SlotLease;
import dev.fathom.kernels.TokenChoice;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A request as the engine thread sees it: its tokens, how many of them are computed, and the slots it holds. */
final class Sequence {
    private final Submission submission;
    private final long order;
    private final long seed;
    private final int promptLength;
    private final @Nullable TokenCounts counts;
    private final Guide guide;
    private final @Nullable TokenMask mask;
    private final @Nullable PromptReport report;
    private int[] tokens;
    private int size;
    private int computed;
    private @Nullable SlotLease lease;
    private int retractions;
    private int cachedTokens;
    private boolean started;
    private long admittedNanos;
    private long firstTokenNanos;

    /**
     * @param order  position in the order of arrival
     * @param seed   what the sequence draws from, if its request names no seed
     */
    Sequence(Submission submission, long order, long seed) {
        GenerationRequest request = submission.request();
        this.submission = submission;
        this.order = order;
        this.seed = request.sampling().seed().orElse(seed);
        promptLength = request.promptIds().length;
        tokens = request.promptIds();
        size = promptLength;
        guide = new Guide(request.guidance());
        counts = request.sampling().hasPenalties() ? new TokenCounts(tokens, promptLength) : null;
        TokenConstraint constraint = request.constraint();
        mask = constraint == null ? null : constraint.begin();
        report = request.reports().ofPrompt() ? new PromptReport(request) : null;
    }

    Submission submission() {
        return submission;
    }

    GenerationRequest request() {
        return submission.request();
    }

    SamplingParams sampling() {
        return request().sampling();
    }

    String id() {
        return submission.id();
    }

    long order() {
        return order;
    }

    /** Prompt and output; the first {@link #size} entries count. */
    int[] tokens() {
        return tokens;
    }

    int size() {
        return size;
    }

    /** Tokens that may come from the prefix cache: not the last, from which the next is computed, and none to be reported. */
    int prefixLimit() {
        return report == null ? size - 1 : Math.min(size - 1, report.reach());
    }

    /** What is reported of the prompt, if anything. */
    @Nullable
    PromptReport report() {
        return report;
    }

    int promptLength() {
        return promptLength;
    }

    int generated() {
        return size - promptLength;
    }

    /** Tokens that may still be generated. */
    int remaining() {
        return submission.maxNewTokens() - generated();
    }

    /** Tokens whose rows are in the cache. */
    int computed() {
        return computed;
    }

    int retractions() {
        return retractions;
    }

    int cachedTokens() {
        return cachedTokens;
    }

    @Nullable
    TokenCounts counts() {
        return counts;
    }

    /** See {@link Guide#allowed}; these come before what a constraint says. */
    int[] guided() {
        return guide.allowed();
    }

    /** Bits of the tokens that may come next, see {@link TokenMask#allowed}; null for all. */
    long @Nullable [] allowed() {
        return mask == null ? null : mask.allowed();
    }

    /** Its constraint goes on with this token. @throws dev.fathom.api.RequestException if it was not allowed */
    void follow(int id) {
        if (mask != null) {
            mask.accept(id);
        }
    }

    /** Whether its constraint lets nothing more follow. */
    boolean isConstraintEnded() {
        return mask != null && mask.ended();
    }

    /**
     * How its next token is chosen where that depends on the logits as they are and nothing else of them is wanted: without
     * penalties, biases, masks and reports. Else null.
     */
    @Nullable
    TokenChoice plainChoice() {
        SamplingParams params = sampling();
        boolean asTheyAre = !params.hasPenalties()
                && params.logitBias().isEmpty()
                && mask == null
                && generated() >= params.minNewTokens()
                && guided().length == 0;
        boolean reported =
                Sampler.isExplained(params) || !request().reports().ids().isEmpty();
        return asTheyAre && !reported ? Sampler.choice(params, nextUniform()) : null;
    }

    /** The draw for the next token, in [0, 1). */
    double nextUniform() {
        return Draw.uniform(seed, size);
    }

    SlotLease lease() {
        SlotLease held = lease;
        if (held == null) {
            throw new IllegalStateException("request " + id() + " holds no slots");
        }
        return held;
    }

    boolean isAdmitted() {
        return lease != null;
    }

    void admit(SlotLease newLease, long nowNanos) {
        lease = newLease;
        computed = newLease.shared();
        if (!started) {
            started = true;
            admittedNanos = nowNanos;
            cachedTokens = newLease.shared();
            submission.stream().cached(cachedTokens);
        }
    }

    /** Whether it was admitted before, even if a retraction sent it back since. */
    boolean isStarted() {
        return started;
    }

    /** Forgets slots and progress; tokens stay. */
    void retract() {
        leave();
        retractions++;
    }

    void leave() {
        lease = null;
        computed = 0;
    }

    void advance(int rows) {
        computed += rows;
    }

    void append(int id, long nowNanos) {
        // The prompt's array is the requester's.
        if (size == tokens.length || generated() == 0) {
            tokens = Arrays.copyOf(tokens, Math.max(size + 16, size + size / 2));
        }
        tokens[size++] = id;
        if (counts != null) {
            counts.addOutput(id);
        }
        guide.accept(id);
        if (generated() == 1) {
            firstTokenNanos = nowNanos;
        }
    }

    GenerationEvent.Finished finished(FinishReason reason) {
        return new GenerationEvent.Finished(reason, promptLength, generated(), cachedTokens);
    }

    RequestTiming timing(FinishReason reason, long nowNanos) {
        long arrived = submission.arrivedNanos();
        return new RequestTiming(
                id(),
                arrived,
                (started ? admittedNanos : nowNanos) - arrived,
                generated() == 0 ? 0 : firstTokenNanos - arrived,
                nowNanos - arrived,
                promptLength,
                generated(),
                cachedTokens,
                reason);
    }
}
