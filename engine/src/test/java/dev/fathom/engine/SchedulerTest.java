package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.cache.PrefixCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SchedulerTest {
    private long order;

    @Test
    void admitsInOrderOfArrivalUpToTheMostRunning() {
        Bench bench = new Bench(config(1000).withMaxRunningRequests(3));
        for (int i = 0; i < 5; i++) {
            bench.add("r" + i, ids(i, 4), 10);
        }
        assertThat(bench.step()).containsExactly("r0+4", "r1+4", "r2+4");
        assertThat(bench.scheduler.waitingCount()).isEqualTo(2);
        assertThat(bench.step()).containsExactly("r0", "r1", "r2");
        bench.end("r1");
        assertThat(bench.step()).containsExactly("r0", "r2", "r3+4");
    }

    @Test
    void cutsPromptsIntoChunksBesideAllDecodes() {
        Bench bench = new Bench(config(1000).withChunkedPrefillSize(10));
        bench.add("a", ids(1, 25), 10);
        bench.add("b", ids(2, 8), 10);
        bench.add("c", ids(3, 8), 10);
        assertThat(bench.step()).containsExactly("a:10");
        assertThat(bench.step()).containsExactly("a:10");
        assertThat(bench.step()).containsExactly("a+5", "b:5");
        assertThat(bench.step()).containsExactly("a", "b+3", "c:7");
        assertThat(bench.step()).containsExactly("a", "b", "c+1");
        assertThat(bench.step()).containsExactly("a", "b", "c");
    }

    @Test
    void cutsAtPageBorders() {
        Bench bench = new Bench(config(1000).withPageSize(4).withChunkedPrefillSize(10));
        bench.add("a", ids(1, 19), 10);
        assertThat(bench.step()).containsExactly("a:8");
        assertThat(bench.step()).containsExactly("a:8");
        assertThat(bench.step()).containsExactly("a+3");
    }

    @Test
    void boundsWhatIsAdmittedWherePromptsAreWhole() {
        Bench bench = new Bench(config(1000).withChunkedPrefillSize(-1).withMaxPrefillTokens(20));
        bench.add("long", ids(1, 50), 5);
        bench.add("b", ids(2, 12), 5);
        bench.add("c", ids(3, 12), 5);
        assertThat(bench.step()).containsExactly("long+50");
        assertThat(bench.step()).containsExactly("long", "b+12");
        assertThat(bench.step()).containsExactly("long", "b", "c+12");
    }

    @Test
    void admitsTheLongestCachedPrefixFirst() {
        Bench bench = new Bench(config(1000).withPolicy(SchedulePolicy.LPM).withMaxRunningRequests(1));
        bench.add("first", ids(1, 20), 5);
        bench.step();
        bench.end("first");
        bench.add("none", ids(2, 20), 5);
        bench.add("short", joined(ids(1, 5), ids(3, 15)), 5);
        bench.add("long", joined(ids(1, 12), ids(4, 8)), 5);
        assertThat(bench.step()).containsExactly("long+8");
        bench.end("long");
        assertThat(bench.step()).containsExactly("short+15");
        bench.end("short");
        assertThat(bench.step()).containsExactly("none+20");
    }

    @Test
    void servesALongQueueInOrderOfArrivalWhateverIsCached() {
        Bench bench = new Bench(config(1000).withPolicy(SchedulePolicy.LPM).withMaxRunningRequests(1));
        bench.add("first", ids(1, 20), 5);
        bench.step();
        bench.end("first");
        for (int i = 0; i < WaitingQueue.LPM_QUEUE_LIMIT; i++) {
            bench.add("none" + i, ids(2 + i, 20), 5);
        }
        bench.add("cached", ids(1, 20), 5);
        assertThat(bench.step()).containsExactly("none0+20");
        bench.end("none0");
        assertThat(bench.step()).containsExactly("cached+1");
    }

    @Test
    void putsALargerPriorityFirstOnlyWhereThatIsOn() {
        for (boolean on : new boolean[] {false, true}) {
            Bench bench = new Bench(config(1000).withPriorityScheduling(on).withMaxRunningRequests(1));
            bench.add("low", ids(1, 4), 5, 0);
            bench.add("high", ids(2, 4), 5, 5);
            bench.add("high2", ids(3, 4), 5, 5);
            List<String> served = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                String part = bench.step().getFirst();
                served.add(part.substring(0, part.indexOf('+')));
                bench.end(served.getLast());
            }
            assertThat(served).isEqualTo(on ? List.of("high", "high2", "low") : List.of("low", "high", "high2"));
        }
    }

    @Test
    void letsAPrefixBeComputedOnce() {
        Bench bench = new Bench(config(1000));
        bench.add("a", joined(ids(1, 60), ids(2, 5)), 10);
        bench.add("b", joined(ids(1, 60), ids(3, 5)), 10);
        bench.add("other", ids(4, 5), 10);
        assertThat(bench.step()).containsExactly("a+65", "other+5");
        assertThat(bench.step()).containsExactly("a", "other", "b+5");
    }

    @Test
    void doesNotWaitForAPrefixOfAnotherCacheKeyOrAShortOne() {
        Bench bench = new Bench(config(1000));
        bench.add("a", ids(1, 65), 10);
        bench.add(new GenerationRequest("b", ids(1, 65), SamplingParams.greedy(10), 0, "salt"), 10);
        bench.add("c", joined(ids(1, 31), ids(3, 5)), 10);
        assertThat(bench.step()).containsExactly("a+65", "b+65", "c+36");
    }

    @Test
    void retractsTheLeastOutputAndBringsItBackFirst() {
        Bench bench = new Bench(config(100).withRadixCache(false).withMaxRunningRequests(2));
        bench.add("a", ids(1, 5), 52);
        bench.add("b", ids(2, 5), 52);
        assertThat(bench.step()).containsExactly("a+5");
        assertThat(bench.step()).containsExactly("a", "b+5");
        bench.add("late", ids(3, 1), 5);
        for (int i = 0; i < 100 && bench.retracted.isEmpty(); i++) {
            bench.step();
        }
        assertThat(bench.retracted).containsExactly("b");
        int kept = bench.sequence("b").generated();
        assertThat(kept).isGreaterThan(40);
        assertThat(bench.step()).containsExactly("a");
        bench.end("a");
        assertThat(bench.step()).containsExactly("b+" + (5 + kept), "late+1");
        assertThat(bench.sequence("b").generated()).isEqualTo(kept + 1);
    }

    @Test
    void retractsTheLowerPriorityFirstWhereThatIsOn() {
        Bench bench = new Bench(config(100).withPriorityScheduling(true));
        bench.add("low", ids(1, 5), 52, 1);
        assertThat(bench.step()).containsExactly("low+5");
        bench.add("high", ids(2, 5), 52, 2);
        for (int i = 0; i < 100 && bench.retracted.isEmpty(); i++) {
            bench.step();
        }
        assertThat(bench.retracted).containsExactly("low");
    }

    @Test
    void givesAMuchHigherPriorityThePlaceOfARunningRequest() {
        Bench bench = new Bench(config(1000).withPriorityScheduling(true).withMaxRunningRequests(2));
        bench.add("low", ids(1, 4), 50, 1);
        bench.add("lower", ids(2, 4), 50, 0);
        assertThat(bench.step()).containsExactly("low+4", "lower+4");
        bench.add("ten more", ids(3, 4), 50, 10);
        assertThat(bench.step()).as("not more than the threshold").containsExactly("low", "lower");
        bench.add("eleven more", ids(4, 4), 50, 11);
        assertThat(bench.step()).containsExactly("low", "eleven more+4");
        assertThat(bench.retracted).containsExactly("lower");
        bench.end("eleven more");
        assertThat(bench.step()).containsExactly("low", "ten more+4");
        bench.end("low");
        assertThat(bench.step()).as("what was computed is in the cache").containsExactly("ten more", "lower+1");
    }

    @Test
    void preemptsAsManyAsAHigherPriorityNeedsSlotsOf() {
        Bench bench = new Bench(config(100).withPriorityScheduling(true).withRadixCache(false));
        bench.add("a", ids(1, 20), 20, 0);
        bench.add("b", ids(2, 20), 15, 1);
        assertThat(bench.step()).containsExactly("b+20", "a+20");
        bench.add("high", ids(3, 45), 20, 20);
        assertThat(bench.step()).containsExactly("b", "high+45");
        bench.add("higher", ids(4, 90), 8, 40);
        assertThat(bench.step()).containsExactly("higher+90");
        assertThat(bench.retracted).containsExactly("a", "b", "high");
    }

    @Test
    void preemptsNobodyWhereItWouldNotHelpOrIsOff() {
        Bench bench = new Bench(config(100).withPriorityScheduling(true).withRadixCache(false));
        bench.add("first", ids(1, 50), 20, 30);
        bench.add("low", ids(2, 10), 10, 0);
        assertThat(bench.step()).containsExactly("first+50", "low+10");
        bench.add("high", ids(3, 60), 20, 35);
        assertThat(bench.step()).containsExactly("first", "low");

        Admission never = new Admission(OptionalInt.empty(), 1, OptionalInt.empty());
        Bench off = new Bench(config(1000)
                .withPriorityScheduling(true)
                .withMaxRunningRequests(1)
                .withAdmission(never));
        off.add("low", ids(1, 4), 50, 0);
        off.step();
        off.add("high", ids(2, 4), 50, 100);
        assertThat(off.step()).containsExactly("low");
    }

    @Test
    void boundsHowManyPromptsShareAStep() {
        Bench bench = new Bench(config(1000).withAdmission(new Admission(OptionalInt.of(2), 1, OptionalInt.empty())));
        for (int i = 0; i < 5; i++) {
            bench.add("r" + i, ids(i, 4), 10);
        }
        assertThat(bench.step()).containsExactly("r0+4", "r1+4");
        assertThat(bench.step()).containsExactly("r0", "r1", "r2+4", "r3+4");
    }

    @Test
    void reservesLessForRunningRequestsWhereItIsLessConservative() {
        for (double conservativeness : new double[] {1, 0.2}) {
            Bench bench = new Bench(config(100)
                    .withAdmission(new Admission(OptionalInt.empty(), conservativeness, OptionalInt.empty())));
            bench.add("a", ids(1, 10), 60);
            bench.step();
            bench.add("b", ids(2, 10), 40);
            assertThat(bench.step()).hasSize(conservativeness < 1 ? 2 : 1);
        }
    }

    @Test
    void admitsALoneRequestWhateverTheEstimateSays() {
        Bench bench = new Bench(config(40));
        bench.add("a", ids(1, 10), 31);
        bench.add("b", ids(2, 10), 31);
        assertThat(bench.step()).containsExactly("a+10");
        assertThat(bench.step()).containsExactly("a");
    }

    private static EngineConfig config(int slots) {
        return EngineConfig.defaults(slots, Set.of());
    }

    private static int[] ids(int value, int count) {
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> value * 100 + i);
        return ids;
    }

    private static int[] joined(int[] first, int[] second) {
        int[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** A scheduler whose every step succeeds and gives each sampling sequence the token 1. */
    private final class Bench {
        final PrefixCache cache;
        final Scheduler scheduler;
        final List<Sequence> open = new ArrayList<>();
        final List<String> retracted = new ArrayList<>();

        Bench(EngineConfig config) {
            cache = PrefixCache.create(config.capacity(), config.pageSize(), config.radixCache());
            scheduler = new Scheduler(config, cache, FakeLm.VOCABULARY, () -> 1);
        }

        void add(String id, int[] prompt, int maxNewTokens) {
            add(id, prompt, maxNewTokens, 0);
        }

        void add(String id, int[] prompt, int maxNewTokens, int priority) {
            add(new GenerationRequest(id, prompt, SamplingParams.greedy(maxNewTokens), priority, ""), maxNewTokens);
        }

        void add(GenerationRequest request, int maxNewTokens) {
            EventStream stream = new EventStream(request.id(), maxNewTokens, s -> {});
            Sequence sequence = new Sequence(new Submission(request, maxNewTokens, 0, stream), order++, 0);
            open.add(sequence);
            scheduler.add(sequence);
        }

        /** Runs a step; "a" is a decode of a, "a:10" a chunk of ten tokens, "a+5" the last five tokens of a prompt. */
        List<String> step() {
            List<Integer> before = open.stream().map(Sequence::retractions).toList();
            Scheduler.Plan plan = scheduler.next();
            for (int i = 0; i < open.size(); i++) {
                if (open.get(i).retractions() > before.get(i)) {
                    retracted.add(open.get(i).id());
                }
            }
            assertThat(plan.retracted()).hasSizeLessThanOrEqualTo(retracted.size());
            List<String> parts = new ArrayList<>();
            for (Batch.Part part : plan.batch().parts()) {
                Sequence s = part.sequence();
                parts.add(s.id() + (part.prefill() ? (part.samples() ? "+" : ":") + part.count() : ""));
                scheduler.computed(part);
                if (part.samples()) {
                    s.append(1, 1);
                }
            }
            checkSlots();
            for (Sequence s : List.copyOf(open)) {
                if (s.remaining() == 0) {
                    end(s.id());
                }
            }
            return parts;
        }

        void end(String id) {
            Sequence s = sequence(id);
            scheduler.end(s);
            open.remove(s);
        }

        Sequence sequence(String id) {
            return open.stream().filter(s -> s.id().equals(id)).findFirst().orElseThrow();
        }

        void checkSlots() {
            assertThat(cache.freeTokens() + cache.exclusiveTokens() + cache.cachedTokens())
                    .isEqualTo(cache.totalTokens());
        }
    }
}
