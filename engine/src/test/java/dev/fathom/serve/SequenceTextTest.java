package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.SamplingParams;
import dev.fathom.serve.SequencePlan.SpecialTokens;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerReading;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SequenceTextTest {
    private final Tokenizer tokenizer = NanoText.tokenizer();

    @Test
    void givesTheTextOfTheTokensTogether() {
        String text = "Zoë said: 日本語 👩‍👩‍👧‍👦 ok";
        assertThat(read(plan(SpecialTokens.SKIP), new FinishReason.Length(1), tokenizer.encode(text)))
                .isEqualTo(text);
    }

    @Test
    void leavesOutTheEndTokenThatEndedTheSequence() {
        int[] ids = concat(tokenizer.encode("Paris."), NanoText.EOS);
        for (SpecialTokens special : SpecialTokens.values()) {
            assertThat(read(plan(special), new FinishReason.StopToken(NanoText.EOS), ids))
                    .as("%s", special)
                    .isEqualTo("Paris.");
        }
    }

    @Test
    void keepsTheEndTokenOnlyWhenItIsAskedFor() {
        int[] ids = concat(tokenizer.encode("Paris."), NanoText.EOS);
        var reason = new FinishReason.StopToken(NanoText.EOS);
        var keeping = new SequencePlan(request(Set.of()), List.of(), true, SpecialTokens.KEEP, AnswerReading.PLAIN);
        assertThat(read(keeping, reason, ids)).isEqualTo("Paris.<｜end▁of▁sentence｜>");
        var skipping = new SequencePlan(request(Set.of()), List.of(), true, SpecialTokens.SKIP, AnswerReading.PLAIN);
        assertThat(read(skipping, reason, ids)).isEqualTo("Paris.");
    }

    @Test
    void showsAnIgnoredEndTokenOnlyWhenSpecialTokensAreKept() {
        int[] ids = concat(concat(tokenizer.encode("a"), NanoText.EOS), tokenizer.encode(" b"));
        var length = new FinishReason.Length(ids.length);
        assertThat(read(plan(SpecialTokens.SKIP), length, ids)).isEqualTo("a b");
        assertThat(read(plan(SpecialTokens.KEEP_BUT_END), length, ids)).isEqualTo("a b");
        assertThat(read(plan(SpecialTokens.KEEP), length, ids)).isEqualTo("a<｜end▁of▁sentence｜> b");
    }

    @Test
    void cutsAnOrdinaryTokenNamedAsStop() {
        int[] ids = tokenizer.encode("one two");
        int last = ids[ids.length - 1];
        var plan = new SequencePlan(request(Set.of(last)), List.of(), false, SpecialTokens.SKIP, AnswerReading.PLAIN);
        assertThat(read(plan, new FinishReason.StopToken(last), ids)).isEqualTo("one");
    }

    @Test
    void cutsAtAStopStringThatSpansTokens() {
        var plan =
                new SequencePlan(request(Set.of()), List.of("lo, wor"), false, SpecialTokens.SKIP, AnswerReading.PLAIN);
        var text = new SequenceText(tokenizer, plan, Set.of(NanoText.EOS));
        var shown = new StringBuilder();
        for (int id : tokenizer.encode("Hello, world!")) {
            shown.append(text.push(id));
        }
        assertThat(shown).hasToString("Hel");
        assertThat(text.matchedStop()).contains("lo, wor");
    }

    @Test
    void findsAStopStringInHeldBytesAtTheEnd() {
        var plan =
                new SequencePlan(request(Set.of()), List.of("\ufffd"), false, SpecialTokens.SKIP, AnswerReading.PLAIN);
        var text = new SequenceText(tokenizer, plan, Set.of());
        int[] emoji = tokenizer.encode("👩");
        String shown = text.push(emoji[0]) + text.finish(new FinishReason.Length(1));
        assertThat(shown).isEmpty();
        assertThat(text.matchedStop()).contains("\ufffd");
    }

    @Test
    void hasNoTextWithoutATokenizer() {
        var text = new SequenceText(null, plan(SpecialTokens.SKIP), Set.of(NanoText.EOS));
        assertThat(text.push(5) + text.push(NanoText.EOS) + text.finish(new FinishReason.StopToken(NanoText.EOS)))
                .isEmpty();
    }

    private String read(SequencePlan plan, FinishReason reason, int[] ids) {
        var text = new SequenceText(tokenizer, plan, Set.of(NanoText.EOS));
        var shown = new StringBuilder();
        for (int id : ids) {
            shown.append(text.push(id));
        }
        return shown.append(text.finish(reason)).toString();
    }

    private static SequencePlan plan(SpecialTokens special) {
        return new SequencePlan(request(Set.of()), List.of(), false, special, AnswerReading.PLAIN);
    }

    private static GenerationRequest request(Set<Integer> stopIds) {
        var sampling = new SamplingParams(
                10, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), stopIds, false, false, 0);
        return GenerationRequest.of("a", new int[] {1}, sampling);
    }

    private static int[] concat(int[] head, int... tail) {
        int[] all = java.util.Arrays.copyOf(head, head.length + tail.length);
        System.arraycopy(tail, 0, all, head.length, tail.length);
        return all;
    }
}
