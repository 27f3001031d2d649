package dev.fathom.text.answer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ToolCallFormatTest {
    @ParameterizedTest
    @EnumSource
    void readsOneCallAndTheTextBeforeIt(ToolCallFormat format) {
        String call = RecordedAnswers.call(format, "get_weather", "city", "Oslo", true);
        Answer answer = read(format, "Let me see.\n\n" + RecordedAnswers.calls(format, call));
        assertThat(answer.content()).isEqualTo("Let me see.");
        assertThat(answer.calls()).containsExactly(new Answer.Call("get_weather", "{\"city\": \"Oslo\"}"));
    }

    @ParameterizedTest
    @EnumSource
    void readsSeveralCalls(ToolCallFormat format) {
        Answer answer = read(
                format,
                RecordedAnswers.calls(
                        format,
                        RecordedAnswers.call(format, "get_weather", "city", "a \"b\"\n\\c", true),
                        RecordedAnswers.call(format, "add_numbers", "a", "[1, {\"b\": -0.5}]", false)));
        assertThat(answer.content()).isEmpty();
        assertThat(answer.calls())
                .containsExactly(
                        new Answer.Call("get_weather", "{\"city\": \"a \\\"b\\\"\\n\\\\c\"}"),
                        new Answer.Call("add_numbers", "{\"a\": [1, {\"b\": -0.5}]}"));
    }

    @ParameterizedTest
    @EnumSource
    void sendsArgumentsAsTheyCome(ToolCallFormat format) {
        AnswerParser parser =
                AnswerReading.ofToolCalls(format, RecordedAnswers.FUNCTIONS).parser();
        String text = RecordedAnswers.calls(
                format, RecordedAnswers.call(format, "get_weather", "city", "Oslo, Bergen", true));
        int comma = text.indexOf(", B");
        parser.push(text.substring(0, comma));
        assertThat(parser.take())
                .containsExactly(
                        new AnswerPart.CallBegin(0, "get_weather"),
                        new AnswerPart.CallArguments(0, "{\"city\": \"Oslo"));
        parser.push(text.substring(comma));
        assertThat(parser.take())
                .containsExactly(new AnswerPart.CallArguments(0, ", Bergen\"}"), new AnswerPart.CallEnd(0));
        parser.finish();
        assertThat(parser.take()).isEmpty();
        assertThat(parser.callsTools()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void takesACallWhoseBlockIsNotClosed(ToolCallFormat format) {
        String block = RecordedAnswers.calls(format, RecordedAnswers.call(format, "get_weather", "city", "Oslo", true));
        String close = format == ToolCallFormat.DEEPSEEK_V32 ? "</｜DSML｜function_calls>" : "<｜tool▁calls▁end｜>";
        assertThat(read(format, block.replace(close, "")).calls()).hasSize(1);
        assertThat(read(format, block.replace(close, "")).content()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void leavesDamagedCallsAsTheyAre(ToolCallFormat format) {
        String good = RecordedAnswers.call(format, "get_weather", "city", "Oslo", true);
        List<String> bad = List.of(
                RecordedAnswers.call(format, "no_such_function", "city", "Oslo", true),
                RecordedAnswers.call(format, "get_weather", "city", "[1, 2", false),
                RecordedAnswers.call(format, "get_weather", "city", "tru", false),
                good.substring(0, good.length() / 2),
                good.substring(0, good.length() - 1),
                good.substring(1),
                "no call at all");
        for (String call : bad) {
            String block = RecordedAnswers.calls(format, call);
            assertThat(read(format, block)).as(block).isEqualTo(new Answer("", block, List.of()));
            AnswerParser parser =
                    AnswerReading.ofToolCalls(format, RecordedAnswers.FUNCTIONS).parser();
            parser.push(RecordedAnswers.calls(format, good, call));
            parser.finish();
            assertThat(parser.callsTools()).as(block).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void keepsWholeCallsBeforeADamagedOne(ToolCallFormat format) {
        String good = RecordedAnswers.call(format, "get_weather", "city", "Oslo", true);
        String cut = RecordedAnswers.call(format, "get_weather", "city", "Ber", true);
        String text = RecordedAnswers.calls(format, good, cut);
        text = text.substring(0, text.indexOf("Ber") + 2);
        Answer answer = read(format, text);
        assertThat(answer.calls()).hasSize(1);
        assertThat(answer.content()).isEqualTo(text.substring(text.indexOf(good) + good.length()));
    }

    @ParameterizedTest
    @EnumSource
    void tellsAStreamThatACallWasNone(ToolCallFormat format) {
        AnswerParser parser =
                AnswerReading.ofToolCalls(format, RecordedAnswers.FUNCTIONS).parser();
        String text = RecordedAnswers.calls(format, RecordedAnswers.call(format, "get_weather", "city", "Oslo", true));
        String begun = text.substring(0, text.indexOf("lo"));
        parser.push(begun);
        parser.take();
        parser.finish();
        assertThat(parser.take()).containsExactly(new AnswerPart.CallDropped(0), new AnswerPart.Content(begun));
        assertThat(parser.callsTools()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void beginsACallAsTheModelWould(ToolCallFormat format) {
        String call = RecordedAnswers.calls(format, RecordedAnswers.call(format, "get_weather", "city", "Oslo", true));
        assertThat(call).startsWith(format.start("get_weather"));
    }

    @Test
    void readsV32ArgumentsInOneObjectAndNoneAtAll() {
        var format = ToolCallFormat.DEEPSEEK_V32;
        String open = "<｜DSML｜invoke name=\"get_weather\">";
        String close = "</｜DSML｜invoke>";
        Answer answer = read(
                format,
                RecordedAnswers.calls(
                        format,
                        open + "\n{\"city\": {\"name\": \"Oslo\"}}\n" + close,
                        open + close,
                        open + "\n " + close));
        assertThat(answer.calls())
                .extracting(Answer.Call::arguments)
                .containsExactly("{\"city\": {\"name\": \"Oslo\"}}", "{}", "{}");
    }

    @Test
    void leavesV32CallsThatNameAnArgumentTwice() {
        var format = ToolCallFormat.DEEPSEEK_V32;
        String parameter = "<｜DSML｜parameter name=\"a\" string=\"true\">x</｜DSML｜parameter>";
        String block = RecordedAnswers.calls(
                format, "<｜DSML｜invoke name=\"get\">" + parameter + parameter + "</｜DSML｜invoke>");
        assertThat(read(format, block)).isEqualTo(new Answer("", block, List.of()));
    }

    @Test
    void hasSglangsNames() {
        assertThat(ToolCallFormat.named("deepseekv3")).contains(ToolCallFormat.DEEPSEEK_V3);
        assertThat(ToolCallFormat.named("hermes")).isEmpty();
        assertThat(ToolCallFormat.allNames()).isEqualTo("deepseekv3, deepseekv31, deepseekv32");
    }

    private static Answer read(ToolCallFormat format, String text) {
        return Answer.of(text, AnswerReading.ofToolCalls(format, RecordedAnswers.FUNCTIONS));
    }
}
