package dev.fathom.text.regex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The dialect is held against the reference by TokenizerVariantsTest; here are bounds, refusals and a second opinion. */
class RegexTest {
    private static List<String> matches(Regex regex, String text) {
        Finder finder = regex.finder();
        finder.reset(text, 0, text.length());
        List<String> found = new ArrayList<>();
        while (finder.find()) {
            found.add(finder.start() + "-" + finder.end());
        }
        return found;
    }

    /**
     * The JDK finds empty matches directly behind a match, too; the reference does not. Null where it looked within a
     * surrogate pair, which is another text to it.
     */
    private static @Nullable List<String> jdkMatches(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        List<String> found = new ArrayList<>();
        int lastEnd = -1;
        while (matcher.find()) {
            int at = matcher.start();
            if (at > 0 && at < text.length() && Character.isSurrogatePair(text.charAt(at - 1), text.charAt(at))) {
                return null;
            }
            if (matcher.end() > at || at != lastEnd) {
                found.add(matcher.start() + "-" + matcher.end());
            }
            lastEnd = matcher.end();
        }
        return found;
    }

    @Test
    void agreesWithTheJdkOnRandomPatternsOfTheCommonSyntax() {
        long seed = 99;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int compared = 0;
        for (int round = 0; round < 12_000; round++) {
            String pattern = pattern(random, 3);
            Regex regex;
            try {
                regex = Regex.compile(pattern);
            } catch (RegexException e) {
                assertThat(e).hasMessageContaining("empty");
                continue;
            }
            for (int i = 0; i < 5; i++) {
                String text = text(random);
                List<String> wanted = jdkMatches(pattern, text);
                List<String> got = withinBound(regex, text);
                if (wanted != null && got != null) {
                    assertThat(got).as("%s on '%s'", pattern, text).isEqualTo(wanted);
                    compared++;
                }
            }
        }
        assertThat(compared).isGreaterThan(30_000);
    }

    /** Null for the few random patterns that take exponential time even on a dozen characters. */
    private static @Nullable List<String> withinBound(Regex regex, String text) {
        try {
            return matches(regex, text);
        } catch (RegexException e) {
            assertThat(e).hasMessageContaining("too many steps");
            return null;
        }
    }

    private static String pattern(Random random, int depth) {
        StringBuilder pattern = new StringBuilder();
        int parts = 1 + random.nextInt(3);
        for (int i = 0; i < parts; i++) {
            String atom = switch (random.nextInt(depth > 0 ? 10 : 5)) {
                case 0, 1 -> Character.toString("abc".charAt(random.nextInt(3)));
                case 2 -> "[ab]";
                case 3 -> "[^a]";
                case 4 -> "😀";
                case 5 -> "(?:" + pattern(random, depth - 1) + ")";
                case 6 -> "(?:" + pattern(random, depth - 1) + "|" + pattern(random, depth - 1) + ")";
                case 7 -> "(?=" + pattern(random, depth - 1) + ")";
                case 8 -> "(?!" + pattern(random, depth - 1) + ")";
                default -> "(?>" + pattern(random, depth - 1) + ")";
            };
            boolean look = atom.startsWith("(?=") || atom.startsWith("(?!");
            String[] quantifiers = {"", "", "", "*", "+", "?", "*?", "+?", "??", "{1,2}", "++", "*+"};
            pattern.append(atom).append(look ? "" : quantifiers[random.nextInt(quantifiers.length)]);
        }
        return pattern.toString();
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        int length = random.nextInt(12);
        for (int i = 0; i < length; i++) {
            text.append(random.nextInt(6) == 0 ? "😀" : Character.toString("abcd".charAt(random.nextInt(4))));
        }
        return text.toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\s+$",
                "(?:\\p{L}|\\p{M})+",
                "a*b|a*c|a+d",
                "\\s*[\\r\\n]+|\\s+x",
                "(?>(?:a|b)+)",
                "\\s+(?!\\S)|[^a]+$"
            })
    void takesLongTextsInLinearTime(String pattern) {
        Regex regex = Regex.compile(pattern);
        for (String unit : List.of("a", "ab", " ", "é😀", "\n")) {
            String text = unit.repeat(200_000 / unit.length()) + "5";
            assertTimeoutPreemptively(Duration.ofSeconds(10), () -> matches(regex, text));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"(?:a|b)+x", "(a|ab|b)*c", "(?:[^x]|y)*z", "(?:ab?)+x"})
    void neitherOverflowsNorHangsOnRepeatedGroups(String pattern) {
        Regex regex = Regex.compile(pattern);
        String text = "ab".repeat(100_000);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            assertThatThrownBy(() -> matches(regex, text))
                    .isInstanceOf(RegexException.class)
                    .hasMessageContaining("too many steps");
        });
    }

    @Test
    void givesUpOnAPatternThatTakesExponentialTime() {
        Regex regex = Regex.compile("(?:a|a|a)*b");
        assertThatThrownBy(() -> matches(regex, "a".repeat(60)))
                .isInstanceOf(RegexException.class)
                .hasMessageContaining("too many steps");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(",
                ")",
                "[",
                "[]",
                "[^]",
                "a{3,1}",
                "a{5000}",
                "*a",
                "(?<=a+)b",
                "(a)\\1",
                "\\k<n>",
                "\\R",
                "\\X",
                "(?P<n>a)",
                "(?'n'a)",
                "\\p{",
                "\\p{Foo}",
                "[z-a]",
                "\\",
                "[\\",
                "\\x{110000}",
                "\\u12",
                "(?i:ß)",
                "(?i:ss)",
                "(?:a*)*",
                "[[:foo:]]",
                "a{1000}{1000}",
                "(?z)a",
                "\\01"
            })
    void refusesWhatItDoesNotKnowByPlace(String pattern) {
        assertThatThrownBy(() -> Regex.compile(pattern))
                .isInstanceOf(RegexException.class)
                .satisfies(e -> assertThat(e.getMessage()).containsAnyOf("index", "too large"));
    }

    @Test
    void refusesDeepNesting() {
        assertThatThrownBy(() -> Regex.compile("(".repeat(5000) + "a" + ")".repeat(5000)))
                .isInstanceOf(RegexException.class)
                .hasMessageContaining("nested groups");
        assertThatThrownBy(() -> Regex.compile("[".repeat(5000))).isInstanceOf(RegexException.class);
    }

    @Test
    void seesOnlyThePartItIsPointedAt() {
        Finder finder = Regex.compile("\\s+(?!\\S)|^b$").finder();
        finder.reset("a  b", 1, 3);
        assertThat(finder.find()).isTrue();
        assertThat(finder.end()).isEqualTo(3);
        finder.reset("a  b", 3, 4);
        assertThat(finder.find()).isTrue();
        assertThat(finder.find()).isFalse();
    }
}
