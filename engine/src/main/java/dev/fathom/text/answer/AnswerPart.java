package dev.fathom.text.answer;

/**
 * A piece of an answer. Pieces come in the order in which the model wrote them; neighbours of one kind may be joined
 * without changing what they say.
 */
public sealed interface AnswerPart {
    /** Text of the reasoning before the answer. */
    record Reasoning(String text) implements AnswerPart {}

    /** Text of the answer itself. */
    record Content(String text) implements AnswerPart {}

    /**
     * A call begins: the function is one of the request's, and its arguments have begun.
     *
     * @param index counts the answer's calls from 0
     */
    record CallBegin(int index, String name) implements AnswerPart {}

    /** More of a call's arguments, as JSON text. */
    record CallArguments(int index, String json) implements AnswerPart {}

    /** The call is whole: its arguments are one JSON object. */
    record CallEnd(int index) implements AnswerPart {}

    /** The call that had begun is none: damaged or cut off. Its text follows as {@link Content}, marks and all. */
    record CallDropped(int index) implements AnswerPart {}
}
