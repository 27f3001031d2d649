package dev.fathom.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StopMatcherTest {
    /** What must come out, found with indexOf on the whole text. */
    private record Expected(String text, String stop) {
        static Expected of(String text, List<String> stops, boolean include) {
            int end = Integer.MAX_VALUE;
            String stop = "";
            for (String each : stops) {
                int at = text.indexOf(each);
                int its = at < 0 ? Integer.MAX_VALUE : at + each.length();
                if (at >= 0 && (its < end || (its == end && each.length() > stop.length()))) {
                    end = its;
                    stop = each;
                }
            }
            if (stop.isEmpty()) {
                return new Expected(text, "");
            }
            return new Expected(text.substring(0, include ? end : end - stop.length()), stop);
        }
    }

    @Test
    void findsWhatIndexOfFindsHoweverTheTextIsCut() {
        long seed = 42;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 30_000; round++) {
            String text = letters(random, random.nextInt(30));
            List<String> stops = IntStream.range(0, random.nextInt(4))
                    .mapToObj(i -> letters(random, 1 + random.nextInt(5)))
                    .toList();
            boolean include = random.nextBoolean();
            Expected expected = Expected.of(text, stops, include);
            StopMatcher matcher = new StopMatcher(stops, include);
            StringBuilder out = new StringBuilder();
            for (String piece : pieces(random, text)) {
                String pushed = matcher.push(piece);
                out.append(pushed);
                assertThat(expected.text()).as("%s in %s", stops, text).startsWith(out.toString());
            }
            out.append(matcher.finish());
            assertThat(out.toString()).as("%s in %s", stops, text).isEqualTo(expected.text());
            assertThat(matcher.matched().orElse("")).isEqualTo(expected.stop());
            assertThat(matcher.push("more")).isEqualTo(expected.stop().isEmpty() ? "more" : "");
        }
    }

    private static String letters(Random random, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append("abc".charAt(random.nextInt(random.nextInt(8) == 0 ? 3 : 2)));
        }
        return text.toString();
    }

    private static List<String> pieces(Random random, String text) {
        List<String> pieces = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            int end = Math.min(text.length(), at + random.nextInt(6));
            pieces.add(text.substring(at, end));
            at = end;
        }
        return pieces;
    }

    @Test
    void holdsBackWhatMayBecomeAStopString() {
        StopMatcher matcher = new StopMatcher(List.of("\n\nUser:"), false);
        assertThat(matcher.push("Hello\n")).isEqualTo("Hello");
        assertThat(matcher.push("\nUse")).isEmpty();
        assertThat(matcher.push("d it")).isEqualTo("\n\nUsed it");
        assertThat(matcher.push(" well.\n\nUser: x")).isEqualTo(" well.");
        assertThat(matcher.matched()).contains("\n\nUser:");
        assertThat(matcher.push("ignored")).isEmpty();
        assertThat(matcher.finish()).isEmpty();
    }

    @Test
    void givesBackWhatItHeldWhenTheTextEnds() {
        StopMatcher matcher = new StopMatcher(List.of("STOP"), true);
        assertThat(matcher.push("a STO")).isEqualTo("a ");
        assertThat(matcher.finish()).isEqualTo("STO");
        assertThat(matcher.matched()).isEmpty();
    }

    @Test
    void takesTheStopStringThatIsCompletedFirst() {
        StopMatcher matcher = new StopMatcher(List.of("abcd", "bc"), false);
        assertThat(matcher.push("xabcd")).isEqualTo("xa");
        assertThat(matcher.matched()).contains("bc");
    }

    @Test
    void includesTheStopStringOnRequest() {
        StopMatcher matcher = new StopMatcher(List.of("</s>"), true);
        assertThat(matcher.push("text</") + matcher.push("s> more")).isEqualTo("text</s>");
    }

    @Test
    void refusesAnEmptyStopString() {
        assertThatThrownBy(() -> new StopMatcher(List.of("a", ""), false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("empty");
    }
}
