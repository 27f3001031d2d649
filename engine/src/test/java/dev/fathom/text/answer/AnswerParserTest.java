package dev.fathom.text.answer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.json.JsonMapper;

class AnswerParserTest {
    private static final List<ReasoningFormat> FORMATS = List.of(ReasoningFormat.values());
    private static final int SPLITS = 10_000;
    private static final int DAMAGED = 20_000;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    @ParameterizedTest
    @EnumSource
    void readsTheSameHoweverTheTextIsCut(ToolCallFormat format) {
        List<String> answers = RecordedAnswers.all(format);
        for (int i = 0; i < SPLITS; i++) {
            String text = answers.get(i % answers.size());
            AnswerReading reading = reading(format);
            assertThat(cut(text, reading))
                    .as("seed %d, %s, %s", seed, reading, text)
                    .isEqualTo(whole(text, reading));
        }
    }

    @ParameterizedTest
    @EnumSource
    void readsDamagedAnswersTheSameHoweverTheyAreCutAndLosesNothing(ToolCallFormat format) {
        System.out.printf("%s: seed %d%n", format, seed);
        List<String> answers = RecordedAnswers.all(format);
        for (int i = 0; i < DAMAGED; i++) {
            String text = RecordedAnswers.damaged(answers.get(random.nextInt(answers.size())), random);
            AnswerReading reading = reading(format);
            Reading whole = whole(text, reading);
            assertThat(cut(text, reading))
                    .as("seed %d, %s, %s", seed, reading, text)
                    .isEqualTo(whole);
            assertThat(whole.answer().calls()).allSatisfy(call -> {
                assertThat(RecordedAnswers.FUNCTIONS).contains(call.name());
                assertThat(JsonMapper.shared().readTree(call.arguments()).isObject())
                        .as("seed %d, arguments %s", seed, call.arguments())
                        .isTrue();
            });
            if (whole.answer().calls().isEmpty()) {
                assertThat(whole.answer().reasoning() + whole.answer().content())
                        .as("seed %d, %s, %s", seed, reading, text)
                        .isIn(withAndWithoutMarks(text, reading));
            }
        }
    }

    @Test
    void leavesReasoningInTheContentWhenItIsNotToBeSeparated() {
        String call = RecordedAnswers.calls(
                ToolCallFormat.DEEPSEEK_V31,
                RecordedAnswers.call(ToolCallFormat.DEEPSEEK_V31, "get_weather", "city", "Oslo", true));
        String reasoning = "<think>Should I call " + call + "?</think>";
        var reading = new AnswerReading(
                ReasoningFormat.DEEPSEEK_V3,
                false,
                false,
                ToolCallFormat.DEEPSEEK_V31,
                RecordedAnswers.FUNCTIONS,
                false);
        Answer answer = Answer.of(reasoning + "Yes." + call, reading);
        assertThat(answer.reasoning()).isEmpty();
        assertThat(answer.content()).isEqualTo(reasoning + "Yes.");
        assertThat(answer.calls()).containsExactly(new Answer.Call("get_weather", "{\"city\": \"Oslo\"}"));
    }

    @Test
    void endsWithTheFirstCallWhereOnlyOneIsWanted() {
        var format = ToolCallFormat.DEEPSEEK_V31;
        String call = RecordedAnswers.call(format, "get_weather", "city", "Oslo", true);
        var reading = new AnswerReading(null, false, true, format, RecordedAnswers.FUNCTIONS, true);
        AnswerParser parser = reading.parser();
        var builder = new Answer.Builder();
        parser.push(RecordedAnswers.calls(format, call, call) + " and more");
        assertThat(parser.isFull()).isTrue();
        parser.finish();
        builder.add(parser.take());
        assertThat(parser.callsTools()).isTrue();
        assertThat(builder.build())
                .isEqualTo(new Answer("", "", List.of(new Answer.Call("get_weather", "{\"city\": \"Oslo\"}"))));
    }

    @Test
    void passesPlainTextOn() {
        AnswerParser parser = AnswerReading.PLAIN.parser();
        String text = "<think>a</think>b<｜tool▁calls▁begin｜> ";
        parser.push(text);
        assertThat(parser.take()).containsExactly(new AnswerPart.Content(text));
        parser.finish();
        assertThat(parser.take()).isEmpty();
        assertThat(parser.inReasoning() || parser.isFull() || parser.callsTools())
                .isFalse();
    }

    /** What a client of a stream and what a client of a whole answer see. */
    private record Reading(Answer answer, boolean callsTools, List<AnswerPart> parts) {}

    private AnswerReading reading(ToolCallFormat format) {
        ReasoningFormat reasoning = random.nextInt(4) == 0 ? null : FORMATS.get(random.nextInt(FORMATS.size()));
        return new AnswerReading(
                reasoning,
                random.nextBoolean(),
                random.nextInt(4) != 0,
                random.nextInt(8) == 0 ? null : format,
                RecordedAnswers.FUNCTIONS,
                false);
    }

    private static Reading whole(String text, AnswerReading reading) {
        return read(List.of(text), reading);
    }

    private Reading cut(String text, AnswerReading reading) {
        return read(RecordedAnswers.pieces(text, random), reading);
    }

    private static Reading read(List<String> pieces, AnswerReading reading) {
        AnswerParser parser = reading.parser();
        var parts = new ArrayList<AnswerPart>();
        for (String piece : pieces) {
            parser.push(piece);
            parts.addAll(parser.take());
        }
        parser.finish();
        parts.addAll(parser.take());
        var builder = new Answer.Builder();
        builder.add(parts);
        return new Reading(builder.build(), parser.callsTools(), joined(parts));
    }

    /** Neighbours of one kind as one. */
    private static List<AnswerPart> joined(List<AnswerPart> given) {
        var parts = new Parts();
        for (AnswerPart part : given) {
            switch (part) {
                case AnswerPart.Reasoning text -> parts.reasoning(text.text());
                case AnswerPart.Content text -> parts.content(text.text());
                case AnswerPart.CallArguments more -> parts.arguments(more.index(), more.json());
                case AnswerPart other -> parts.add(other);
            }
        }
        return parts.take();
    }

    /** The text, and what is left of it when the marks have done their work. */
    private static Set<String> withAndWithoutMarks(String text, AnswerReading reading) {
        if (reading.reasoning() == null || !reading.separateReasoning()) {
            return Set.of(text);
        }
        var texts = new HashSet<String>();
        for (String begun : List.of(text, text.replaceFirst("^\\s*<think>", ""))) {
            texts.add(begun);
            texts.add(begun.replaceFirst("</think>", ""));
        }
        return texts;
    }
}
