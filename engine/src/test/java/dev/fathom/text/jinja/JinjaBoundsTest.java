package dev.fathom.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.fathom.text.Goldens;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Templates and messages are untrusted: no work without end, no memory without end, no stack overflow. */
class JinjaBoundsTest {
    private static final String NEST_FOR =
            "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
                "{% for i in range(100000) %}{% for j in range(100000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}{% endfor %}",
                "{{ 'a' * 10000000000 }}",
                "{{ [0] * 10000000000 }}",
                "{{ [0] * 9223372036854775807 }}",
                "{{ [0] * 99999999999999999999 }}",
                "{{ 'a' * 9223372036854775807 }}",
                "{{ 2 ** (10 ** 10) }}",
                "{{ 10 ** 100000 }}",
                "{% set ns = namespace(x=3) %}{% for i in range(1000) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x|replace('a', 'ab' * 100)|replace('b', 'ab') %}{% endfor %}",
                "{% set ns = namespace(x='ab') %}{% for i in range(1000) %}{% set ns.x = ns.x.replace('', ns.x) %}{% endfor %}",
                "{% set ns = namespace(x=['ab']) %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x=['ab']) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=['ab']) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
                "{% set a = namespace(x=['ab']) %}{% set b = namespace(x=['ab']) %}{% for i in range(100) %}{% set a.x = [a.x, a.x] %}{% set b.x = [b.x, b.x] %}{% endfor %}{{ a.x == b.x }}",
                "{% set a = namespace(x=(1,)) %}{% for i in range(100) %}{% set a.x = (a.x, a.x) %}{% endfor %}{{ {a.x: 1} }}",
                "{{ '%1000000000d' % 1 }}",
                "{{ '%.*f' % (1000000000, 1.5) }}",
                "{{ '{:1000000000}'.format(1) }}",
                "{{ 'a'.center(1000000000) }}",
                "{{ 'a'.ljust(1000000000) }}{{ 'a'.zfill(2000000000) }}",
                "{{ 'a\\tb'.expandtabs(2000000000) }}",
                "{{ range(100000)|join('x' * 100000) }}",
                "{{ ('x' * 1000000).join(['a', 'b'] * 100000) }}",
                "{{ range(100000)|batch(1000000000, 'x')|list }}",
                "{{ []|slice(1000000000)|list }}",
                "{{ [1, [2]]|tojson(indent=1000000000) }}{{ 'a\\nb'|indent(1000000000) }}{% for i in range(100000) %}{{ 'a\\nb'|indent('x' * 100000) }}{% endfor %}",
                "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
                "{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) ~ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
                "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                NEST_FOR + "{{ ns.l }}",
                NEST_FOR + "{{ ns.l|tojson }}",
                NEST_FOR + "{% set a = ns.l %}" + NEST_FOR + "{{ a == ns.l }}{{ a < ns.l }}{{ a in [ns.l] }}",
                "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
                "{% set ns = namespace(l=()) %}{% for i in range(100000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = ns.l|map('string') %}{% endfor %}{{ ns.l|list }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = ns.l|select %}{% endfor %}{{ ns.l|first }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = ns.l|unique %}{% endfor %}{{ ns.l|list }}",
            })
    void boundsWorkAndMemory(String template) {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        // A small stack, cold code: what overflows here first is not the server's.
        Thread thread = new Thread(null, () -> thrown.set(catchThrowable(() -> render(template))), "render", 768 << 10);
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            thread.start();
            thread.join();
        });
        assertThat(thrown.get()).isInstanceOf(JinjaException.class);
    }

    private static void render(String template) {
        JinjaTemplate.parse(template).render(Map.of());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(",
                "[",
                "{'a':",
                "not ",
                "-",
                "a[",
                "a(",
                "a if b else ",
                "f(x=",
                "a is b(",
                "{{ 'x' ~ (",
                "a|f(",
                "{%if a%}",
                "{%for a in b%}",
                "{%set x%}",
                "{%macro m()%}",
                "a.b|c is d ~ (",
                "a == ("
            })
    void refusesDeepNestingWithoutOverflow(String unit) {
        String template = unit.startsWith("{%") ? unit.repeat(50_000) : "{{ " + unit.repeat(50_000);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = new Thread(null, () -> thrown.set(catchThrowable(() -> render(template))), "parse", 768 << 10);
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            thread.start();
            thread.join();
        });
        assertThat(thrown.get()).isInstanceOf(JinjaException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1 + ", "1 * ", "1 ~ ", "1 and ", "1 or ", "1 == ", "1 ** ", "[0][0:][0:] + "})
    void takesLongChainsOfOperators(String unit) {
        String last = unit.startsWith("[") ? "[1]" : "1";
        assertThat(JinjaTemplate.parse("{{ " + unit.repeat(3_000) + last + " }}")
                        .render(Map.of()))
                .isNotEmpty();
    }

    @Test
    void takesLongChainsOfFiltersAndAttributes() {
        assertThat(JinjaTemplate.parse("{{ 'a'" + "|upper|lower".repeat(5_000) + " }}")
                        .render(Map.of()))
                .isEqualTo("a");
        assertThat(JinjaTemplate.parse("{{ 'a'" + ".upper().lower()".repeat(5_000) + " }}")
                        .render(Map.of()))
                .isEqualTo("a");
        assertThat(JinjaTemplate.parse("{% if 0 %}" + "{% elif 0 %}".repeat(5_000) + "{% else %}b{% endif %}")
                        .render(Map.of()))
                .isEqualTo("b");
    }

    @Test
    void takesALongChat() {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < 4_000; i++) {
            messages.add(Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", "word ".repeat(200)));
        }
        String template = new String(Goldens.bytes("/golden/jinja/templates/v31.jinja"), StandardCharsets.UTF_8);
        String prompt = JinjaTemplate.parse(template)
                .render(Map.of(
                        "messages", messages, "bos_token", "<b>", "eos_token", "<e>", "add_generation_prompt", true));
        assertThat(prompt.length()).isGreaterThan(4_000_000);
    }

    @Test
    void refusesInputThatIsNestedWithoutEnd() {
        Object nested = "x";
        for (int i = 0; i < 100_000; i++) {
            nested = List.of(nested);
        }
        Map<String, Object> variables = Map.of("x", nested);
        assertThatThrownBy(() -> JinjaTemplate.parse("{{ x }}").render(variables))
                .isInstanceOf(JinjaException.class)
                .hasMessageContaining("nested");
    }

    @Test
    void refusesVariablesOfOtherTypes() {
        assertThatThrownBy(() -> JinjaTemplate.parse("").render(Map.of("x", new Object())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("java.lang.Object");
    }

    @Test
    void tellsTheTimeItIsGiven() {
        Clock clock = Clock.fixed(Instant.parse("2026-03-04T15:06:07.123456Z"), ZoneOffset.UTC);
        String template =
                "{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %Y %A %a %B %j %I %p %y %f %-d/%-m %e %% %F %T %u %w') }}";
        assertThat(JinjaTemplate.parse(template, clock, 10_000).render(Map.of()))
                .isEqualTo(
                        "2026-03-04 15:06:07 04 Mar 2026 Wednesday Wed March 063 03 PM 26 123456 4/3  4 % 2026-03-04 15:06:07 3 3");
        assertThatThrownBy(() -> JinjaTemplate.parse("{{ strftime_now('%Q') }}", clock, 10_000)
                        .render(Map.of()))
                .hasMessageContaining("%Q is not supported");
    }

    /** Changed templates render, or are refused; they never fail otherwise. */
    @Test
    void survivesRandomChangesOfTemplates() {
        long seed = 12;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        JsonNode golden = Goldens.json("/golden/jinja/goldens.json");
        Map<String, Object> variables =
                JinjaGoldensTest.variables(golden.get("contexts").get("probe"));
        List<String> templates = new ArrayList<>();
        golden.get("cases").forEach(each -> {
            if (each.has("template")) {
                templates.add(each.get("template").stringValue());
            }
        });
        assertTimeoutPreemptively(Duration.ofMinutes(2), () -> {
            int rendered = 0;
            for (int round = 0; round < 20_000; round++) {
                String template = changed(templates.get(random.nextInt(templates.size())), random, templates);
                String result = rendered(template, variables);
                rendered += result.startsWith("refused: ") ? 0 : 1;
            }
            System.out.println(rendered + " of 20000 changed templates render");
            assertThat(rendered).isBetween(2_000, 18_000);
        });
    }

    private static String rendered(String template, Map<String, Object> variables) {
        try {
            return JinjaTemplate.parse(template, Clock.systemUTC(), 200_000).render(variables);
        } catch (JinjaException e) {
            return "refused: " + e.getMessage();
        } catch (RuntimeException e) {
            throw new AssertionError("failed on: " + template, e);
        }
    }

    private static String changed(String template, Random random, List<String> templates) {
        StringBuilder changed = new StringBuilder(template);
        int edits = 1 + random.nextInt(3);
        for (int i = 0; i < edits && changed.length() > 0; i++) {
            int at = random.nextInt(changed.length());
            switch (random.nextInt(4)) {
                case 0 -> changed.deleteCharAt(at);
                case 1 -> changed.setCharAt(at, "{}%#()[]|.,:'\"-+*/~=<>0123456789abfnx \n".charAt(random.nextInt(39)));
                case 2 -> {
                    String other = templates.get(random.nextInt(templates.size()));
                    int from = random.nextInt(other.length());
                    changed.insert(at, other, from, Math.min(other.length(), from + random.nextInt(25)));
                }
                default -> changed.delete(at, Math.min(changed.length(), at + random.nextInt(6)));
            }
        }
        return changed.toString();
    }
}
