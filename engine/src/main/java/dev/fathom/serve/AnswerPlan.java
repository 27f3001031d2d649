package dev.fathom.serve;

import dev.fathom.text.answer.AnswerReading;
import java.util.List;

/**
 * How an answer is read, and how it begins.
 *
 * @param thinking  whether it begins with reasoning
 * @param openings  the tokens that may begin what is not reasoning; none leave it to the model
 */
record AnswerPlan(AnswerReading reading, boolean thinking, List<int[]> openings) {}
