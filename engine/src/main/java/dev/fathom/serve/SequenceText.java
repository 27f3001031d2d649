package dev.fathom.serve;

import dev.fathom.api.FinishReason;
import dev.fathom.text.IncrementalDetokenizer;
import dev.fathom.text.StopMatcher;
import dev.fathom.text.Tokenizer;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The text of one sequence while its tokens arrive.
 *
 * <p>A token that may end the sequence is held until the engine says whether it did: the end token's text is not part
 * of the answer, whether it is a special token or an ordinary one named in {@code stop_token_ids}.
 */
final class SequenceText {
    private static final int NOTHING_HELD = -1;

    private final @Nullable IncrementalDetokenizer detokenizer;
    private final StopMatcher stops;
    private final Set<Integer> endIds;
    private final Set<Integer> hiddenIds;
    private final boolean keepStop;
    private int heldId = NOTHING_HELD;

    /** @param tokenizer null when the server runs without one: there is no text then */
    SequenceText(@Nullable Tokenizer tokenizer, SequencePlan plan, Set<Integer> modelEndIds) {
        detokenizer = tokenizer == null
                ? null
                : new IncrementalDetokenizer(tokenizer, plan.specialTokens() == SequencePlan.SpecialTokens.SKIP);
        stops = new StopMatcher(plan.stop(), plan.keepStop());
        keepStop = plan.keepStop();
        var ends = new HashSet<>(modelEndIds);
        ends.addAll(plan.request().sampling().stopTokenIds());
        endIds = Set.copyOf(ends);
        hiddenIds = plan.specialTokens() == SequencePlan.SpecialTokens.KEEP_BUT_END ? modelEndIds : Set.of();
    }

    /** The text this token lets go of, often its own, sometimes nothing, sometimes that of earlier tokens too. */
    String push(int id) {
        String released = releaseHeld();
        if (endIds.contains(id)) {
            heldId = id;
            return released;
        }
        return released + show(id);
    }

    /** The text still held when the engine reports the end. */
    String finish(FinishReason reason) {
        boolean ended = reason instanceof FinishReason.StopToken;
        String rest = ended && !keepStop ? dropHeld() : releaseHeld();
        if (detokenizer != null) {
            rest += stops.push(detokenizer.finish());
        }
        return rest + stops.finish();
    }

    Optional<String> matchedStop() {
        return stops.matched();
    }

    private String releaseHeld() {
        if (heldId == NOTHING_HELD) {
            return "";
        }
        int id = heldId;
        heldId = NOTHING_HELD;
        return show(id);
    }

    private String dropHeld() {
        heldId = NOTHING_HELD;
        return "";
    }

    private String show(int id) {
        return detokenizer == null || hiddenIds.contains(id) ? "" : stops.push(detokenizer.push(id));
    }
}
