package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.cache.PrefixCache;
import dev.fathom.kernels.AttentionBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random submissions, steps, aborts and failures against a naive model: each request is a list of tokens and a count of
 * computed ones, the cache is an array that remembers the history each slot was written for.
 */
@Tag("slow")
@Timeout(300)
class SchedulerPropertyTest {
    private static final long SEED = 31_2026;

    @ParameterizedTest
    @CsvSource({
        // page, chunk, slots, radix, policy, lead of a priority that preempts (negative: no priorities), prefills
        "1,  8, 160, true,  FCFS, -1, 9",
        "1, -1, 160, false, FCFS, -1, 2",
        "4,  9, 160, true,  LPM,  10, 9",
        "4,  9, 160, true,  LPM,   0, 9",
        "3,  5,  96, false, FCFS,  1, 9",
        "8, 64, 400, true,  LPM,  -1, 1",
        "1,  1,  80, true,  FCFS, -1, 9",
    })
    void agreesWithANaiveModelOverRandomOperations(
            int pageSize, int chunk, int slots, boolean radix, SchedulePolicy policy, int lead, int prefills) {
        EngineConfig config = EngineConfig.defaults(slots, Set.of())
                .withPageSize(pageSize)
                .withChunkedPrefillSize(chunk)
                .withMaxPrefillTokens(40)
                .withRadixCache(radix)
                .withPolicy(policy)
                .withPriorityScheduling(lead >= 0)
                .withAdmission(new Admission(OptionalInt.of(prefills), 0.9, OptionalInt.of(Math.max(0, lead))))
                .withMaxRunningRequests(9);
        Model model = new Model(config, new SplittableRandom(SEED + slots + pageSize));
        model.run(100_000);
        System.out.println("SchedulerPropertyTest seed " + SEED + ": " + model.ended + " requests, " + model.retracted
                + " retractions (" + model.retractedPartials + " of half prefilled ones), " + model.reused
                + " cached tokens, " + config);
        assertThat(model.ended).isGreaterThan(500);
        assertThat(model.retracted).isPositive();
        assertThat(model.reused > 0).isEqualTo(radix);
    }

    private static final class Model {
        private static final int LONGEST_PROMPT = 30;

        private final EngineConfig config;
        private final SplittableRandom random;
        private final PrefixCache cache;
        private final Scheduler scheduler;
        /** For each slot the hash of the history it was written for. */
        private final long[] memory;

        private final List<Entry> open = new ArrayList<>();
        private long arrivals;
        private int ended;
        private int retracted;
        private int retractedPartials;
        private long reused;

        private static final class Entry {
            final Sequence sequence;
            final List<Integer> tokens;
            boolean running;
            boolean sentBack;
            boolean prefilled;
            int computed;

            Entry(Sequence sequence) {
                this.sequence = sequence;
                this.tokens = new ArrayList<>(
                        Arrays.stream(sequence.request().promptIds()).boxed().toList());
            }
        }

        Model(EngineConfig config, SplittableRandom random) {
            this.config = config;
            this.random = random;
            cache = PrefixCache.create(config.capacity(), config.pageSize(), config.radixCache());
            scheduler = new Scheduler(config, cache, FakeLm.VOCABULARY, () -> 1);
            memory = new long[config.capacity()];
        }

        void run(int operations) {
            for (int i = 0; i < operations; i++) {
                int choice = random.nextInt(100);
                if (choice < 15 && open.size() < 25) {
                    submit();
                } else if (choice < 16 && !open.isEmpty()) {
                    end(open.get(random.nextInt(open.size())));
                } else {
                    step();
                }
                checkAccounts();
            }
            for (int i = 0; !open.isEmpty(); i++) {
                assertThat(i).as("steps to the end").isLessThan(10_000);
                step();
                checkAccounts();
            }
            assertThat(scheduler.isIdle()).isTrue();
            assertThat(cache.exclusiveTokens()).isZero();
            assertThat(cache.evictableTokens()).isEqualTo(cache.cachedTokens());
            assertThat(scheduler.heldTokens()).isZero();
        }

        private void submit() {
            int[] prompt = new int[random.nextInt(1, LONGEST_PROMPT + 1)];
            int common = random.nextInt(25);
            Arrays.setAll(prompt, i -> i < common ? 1 : random.nextInt(2, 5));
            int maxNew = random.nextInt(8) == 0 ? 0 : random.nextInt(1, 4 * config.capacity() / 10);
            String key = random.nextInt(10) == 0 ? "salt" : "";
            GenerationRequest request = new GenerationRequest(
                    "r" + arrivals, prompt, SamplingParams.greedy(maxNew), random.nextInt(3), key);
            Sequence sequence = new Sequence(
                    new Submission(request, maxNew, 0, new EventStream(request.id(), maxNew, s -> {})), arrivals, 0);
            arrivals++;
            open.add(new Entry(sequence));
            scheduler.add(sequence);
        }

        private void end(Entry entry) {
            scheduler.end(entry.sequence);
            open.remove(entry);
            ended++;
        }

        private void step() {
            List<Entry> waiting = open.stream().filter(e -> !e.running).toList();
            List<Entry> decoding =
                    open.stream().filter(e -> e.running && e.prefilled).toList();
            Scheduler.Plan plan = scheduler.next();
            noteRetractions(plan);
            checkDecodes(plan.batch(), decoding);
            checkPrefills(plan, waiting);
            writeAndRead(plan.batch());
            boolean fails = random.nextInt(200) == 0;
            for (Batch.Part part : plan.batch().parts()) {
                apply(part, fails);
            }
        }

        private void noteRetractions(Scheduler.Plan plan) {
            int seen = 0;
            for (Entry e : open) {
                if (e.running && !e.sequence.isAdmitted()) {
                    seen++;
                    retractedPartials += e.prefilled ? 0 : 1;
                    e.running = false;
                    e.prefilled = false;
                    e.sentBack = true;
                    e.computed = 0;
                }
            }
            assertThat(plan.retracted()).hasSize(seen);
            retracted += seen;
        }

        private void checkDecodes(Batch batch, List<Entry> decoding) {
            List<Sequence> planned = batch.parts().stream()
                    .filter(part -> !part.prefill())
                    .map(Batch.Part::sequence)
                    .toList();
            List<Sequence> expected = decoding.stream()
                    .filter(e -> e.running)
                    .map(e -> e.sequence)
                    .toList();
            assertThat(planned).containsExactlyInAnyOrderElementsOf(expected);
        }

        private void checkPrefills(Scheduler.Plan plan, List<Entry> waiting) {
            Batch batch = plan.batch();
            int budget = config.prefillBudget();
            assertThat(batch.prefillTokens() <= budget || (!config.chunksPrompts() && batch.prefillSequences() == 1))
                    .isTrue();
            assertThat(batch.parts().size()).isLessThanOrEqualTo(config.maxRunningRequests());
            List<Entry> admitted =
                    waiting.stream().filter(e -> e.sequence.isAdmitted()).toList();
            assertThat(plan.admitted()).isEqualTo(admitted.size());
            assertThat(plan.retracted().isEmpty() || plan.admitted() == 0 || config.priorityScheduling())
                    .isTrue();
            assertThat(batch.prefillSequences())
                    .isLessThanOrEqualTo(config.admission().prefillRequests().orElseThrow());
            for (Entry e : admitted) {
                e.running = true;
                e.computed = e.sequence.lease().shared();
                reused += e.computed;
            }
            if (!config.radixCache()) {
                Comparator<Entry> rank = Comparator.comparing(e -> !e.sentBack);
                if (config.priorityScheduling()) {
                    rank = Comparator.<Entry>comparingInt(
                                    e -> -e.sequence.request().priority())
                            .thenComparing(rank);
                }
                List<Entry> inOrder = waiting.stream()
                        .sorted(rank.thenComparingLong(e -> e.sequence.order()))
                        .toList();
                assertThat(admitted).containsExactlyInAnyOrderElementsOf(inOrder.subList(0, admitted.size()));
            }
        }

        /** Writes the batch's rows as a model would, then reads every visible position back. */
        private void writeAndRead(Batch batch) {
            AttentionBatch attention = batch.attention();
            int[] slots = attention.writeSlots();
            int[] positions = attention.positions();
            Set<Integer> distinct = new HashSet<>();
            int row = 0;
            for (Batch.Part part : batch.parts()) {
                Entry e = entry(part.sequence());
                assertThat(part.from()).isEqualTo(e.computed);
                assertThat(part.samples()).isEqualTo(part.to() == e.tokens.size() && e.sequence.remaining() > 0);
                for (int i = 0; i < part.count(); i++, row++) {
                    assertThat(batch.tokenIds()[row]).isEqualTo(e.tokens.get(part.from() + i));
                    assertThat(positions[row]).isEqualTo(part.from() + i);
                    assertThat(distinct.add(slots[row])).isTrue();
                    memory[slots[row]] = history(e, part.from() + i);
                }
            }
            for (int i = 0; i < batch.parts().size(); i++) {
                Entry e = entry(batch.parts().get(i).sequence());
                for (int at = 0; at < attention.contextLength()[i]; at++) {
                    assertThat(memory[attention.slots()[i][at]]).isEqualTo(history(e, at));
                }
            }
        }

        private void apply(Batch.Part part, boolean fails) {
            Entry e = entry(part.sequence());
            if (fails) {
                scheduler.discard(part.sequence());
                open.remove(e);
                ended++;
                return;
            }
            scheduler.computed(part);
            e.computed = part.to();
            e.prefilled |= part.to() == e.tokens.size();
            if (part.samples()) {
                int id = random.nextInt(1, 5);
                e.tokens.add(id);
                part.sequence().append(id, 1);
            }
            if (e.prefilled && e.sequence.remaining() == 0) {
                end(e);
            }
        }

        private void checkAccounts() {
            assertThat(cache.freeTokens() + cache.exclusiveTokens() + cache.cachedTokens())
                    .isEqualTo(config.capacity());
            assertThat(cache.freeTokens()).isNotNegative();
            int exclusive = 0;
            int running = 0;
            for (Entry e : open) {
                assertThat(e.sequence.size()).isEqualTo(e.tokens.size());
                if (e.sequence.isAdmitted()) {
                    exclusive +=
                            e.sequence.lease().allocated() - e.sequence.lease().shared();
                    running++;
                }
            }
            assertThat(cache.exclusiveTokens()).isEqualTo(exclusive);
            assertThat(scheduler.runningCount()).isEqualTo(running);
            assertThat(scheduler.waitingCount()).isEqualTo(open.size() - running);
        }

        private Entry entry(Sequence sequence) {
            return open.stream()
                    .filter(e -> e.sequence.order() == sequence.order())
                    .findFirst()
                    .orElseThrow();
        }

        private static long history(Entry e, int position) {
            long hash = e.sequence.request().cacheKey().hashCode();
            for (int i = 0; i <= position; i++) {
                hash = hash * 1_000_003 + e.tokens.get(i);
            }
            return hash;
        }
    }
}
