package dev.fathom.text.answer;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Answers as models write them, and what becomes of them when something goes wrong. */
final class RecordedAnswers {
    static final Set<String> FUNCTIONS = Set.of("get_weather", "add_numbers", "get");

    /** Texts that could be mistaken for marks, or for their beginnings. */
    private static final List<String> TRAPS = List.of(
            "Use `<think>` to begin and `</think` to end.",
            "a < b and c </d>, <｜x｜> and <｜tool▁call",
            "{\"a\": [1, 2]}",
            "```json\n{\"city\": \"Oslo\"}\n```",
            "\n\n",
            "  spaces  ",
            "<<think>",
            "</｜DSML｜invoke> <｜DSML｜",
            "日本 👩‍👦 ﬁ",
            "<｜tool▁sep｜>");

    private static final List<String> MARKS = List.of(
            "<think>",
            "</think>",
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁calls▁end｜>",
            "<｜tool▁call▁begin｜>",
            "<｜tool▁call▁end｜>",
            "<｜tool▁sep｜>",
            "function",
            "\n```json\n",
            "\n```",
            "<｜DSML｜function_calls>",
            "</｜DSML｜function_calls>",
            "<｜DSML｜invoke name=\"",
            "</｜DSML｜invoke>",
            "<｜DSML｜parameter name=\"",
            "</｜DSML｜parameter>",
            "string=\"true\">",
            "string=\"false\">",
            "\">",
            "{",
            "}",
            "\"");

    private RecordedAnswers() {}

    /** Whole answers with and without reasoning, calls and text around them. */
    static List<String> all(ToolCallFormat format) {
        List<String> calls = List.of(
                "",
                calls(format, call(format, "get_weather", "city", "Oslo", true)),
                calls(
                        format,
                        call(format, "get_weather", "city", "San José </think> \\ \"quoted\" 👩‍👦", true),
                        call(
                                format,
                                "add_numbers",
                                "numbers",
                                "[1, -2.5e3, {\"a\": [true, false, null, \"\\u00e9\"]}]",
                                false)));
        var answers = new ArrayList<String>();
        for (String reasoning :
                List.of("", "</think>", "I look it up.\n</think>", "<think>\nHm, `<think>`?</think>\n\n")) {
            for (String content : List.of("", "Let me see.\n\n", TRAPS.get(0), TRAPS.get(1), TRAPS.get(2))) {
                for (String call : calls) {
                    answers.add(reasoning + content + call);
                    answers.add(reasoning + content + call + "\n");
                    answers.add(reasoning + content + call + " Done.");
                }
            }
        }
        answers.addAll(TRAPS);
        return answers;
    }

    static String calls(ToolCallFormat format, String... calls) {
        String joined = String.join(format == ToolCallFormat.DEEPSEEK_V31 ? "" : "\n", calls);
        return switch (format) {
            case DEEPSEEK_V3, DEEPSEEK_V31 -> "<｜tool▁calls▁begin｜>" + joined + "<｜tool▁calls▁end｜>";
            case DEEPSEEK_V32 -> "<｜DSML｜function_calls>\n" + joined + "\n</｜DSML｜function_calls>";
        };
    }

    /** @param value text for V3.2's string parameter, else JSON */
    static String call(ToolCallFormat format, String name, String key, String value, boolean text) {
        String json = "{" + JsonText.quoted(key) + ": " + (text ? JsonText.quoted(value) : value) + "}";
        return switch (format) {
            case DEEPSEEK_V3 ->
                "<｜tool▁call▁begin｜>function<｜tool▁sep｜>" + name + "\n```json\n" + json + "\n```<｜tool▁call▁end｜>";
            case DEEPSEEK_V31 -> "<｜tool▁call▁begin｜>" + name + "<｜tool▁sep｜>" + json + "<｜tool▁call▁end｜>";
            case DEEPSEEK_V32 ->
                "<｜DSML｜invoke name=\"" + name + "\">\n<｜DSML｜parameter name=\"" + key + "\" string=\"" + text + "\">"
                        + value + "</｜DSML｜parameter>\n</｜DSML｜invoke>";
        };
    }

    /** An answer with one to four pieces cut out, doubled, replaced or put in. */
    static String damaged(String answer, Random random) {
        var text = new StringBuilder(answer);
        for (int i = random.nextInt(4); i >= 0; i--) {
            int from = random.nextInt(text.length() + 1);
            int to = Math.min(text.length(), from + random.nextInt(12));
            switch (random.nextInt(5)) {
                case 0 -> text.delete(from, to);
                case 1 -> text.insert(from, text.substring(from, to));
                case 2 -> text.insert(from, MARKS.get(random.nextInt(MARKS.size())));
                case 3 -> text.insert(from, TRAPS.get(random.nextInt(TRAPS.size())));
                default -> text.setLength(from);
            }
        }
        return text.toString();
    }

    /** The text in random pieces; surrogate pairs stay together, as they do in detokenized text. */
    static List<String> pieces(String text, Random random) {
        var pieces = new ArrayList<String>();
        int longest = 1 + random.nextInt(random.nextBoolean() ? 3 : 20);
        int from = 0;
        while (from < text.length()) {
            int to = Math.min(text.length(), from + 1 + random.nextInt(longest));
            if (to < text.length() && Character.isLowSurrogate(text.charAt(to))) {
                to++;
            }
            pieces.add(text.substring(from, to));
            from = to;
        }
        return pieces;
    }
}
