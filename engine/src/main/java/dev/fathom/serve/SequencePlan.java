package dev.fathom.serve;

import dev.fathom.api.GenerationRequest;
import dev.fathom.text.answer.AnswerReading;
import java.util.List;

/**
 * One sequence, ready for the engine, and how its tokens become text.
 *
 * @param stop            strings that end the text
 * @param keepStop        whether the matched stop string, or stop token, stays in the text
 * @param specialTokens   which special tokens appear in the text
 * @param reading         how the text is taken apart
 */
record SequencePlan(
        GenerationRequest request,
        List<String> stop,
        boolean keepStop,
        SpecialTokens specialTokens,
        AnswerReading reading) {

    /** What becomes of special tokens in the text. */
    enum SpecialTokens {
        /** None appears. */
        SKIP,
        /** All appear but the model's end ids: the text loses no tool-call mark and shows no end mark. */
        KEEP_BUT_END,
        /** All appear. */
        KEEP
    }
}
