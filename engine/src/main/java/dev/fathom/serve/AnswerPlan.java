package dev.fathom.serve;

import dev.fathom.text.answer.AnswerReading;
import org.jspecify.annotations.Nullable;

/**
 * How an answer is read, and what it must follow.
 *
 * @param thinking  whether it begins with reasoning
 * @param tools     what is asked of its calls; null where there are none
 */
record AnswerPlan(
        AnswerReading reading, boolean thinking, @Nullable ToolGrammar tools) {}
