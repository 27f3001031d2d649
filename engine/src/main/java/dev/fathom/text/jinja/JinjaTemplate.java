package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A parsed template; immutable and safe for use by many threads. */
public final class JinjaTemplate {
    /** At most a second or two of work, beside one step for each character given; a long chat takes some ten thousand. */
    private static final long MAX_STEPS = 10_000_000;

    private static final int MAX_INPUT_DEPTH = 300;

    private final String source;
    private final List<Stmt> body;
    private final Clock clock;
    private final long maxSteps;

    private JinjaTemplate(String source, Clock clock, long maxSteps) {
        this.source = source;
        this.body = StatementParser.parse(source);
        this.clock = clock;
        this.maxSteps = maxSteps;
    }

    /** @throws JinjaException with line and column, if the template is wrong or uses what is not supported */
    public static JinjaTemplate parse(String template) {
        return parse(template, Clock.system(ZoneId.systemDefault()), MAX_STEPS);
    }

    /** @param clock what {@code strftime_now} reads */
    static JinjaTemplate parse(String template, Clock clock, long maxSteps) {
        return new JinjaTemplate(Lexer.normalized(template), clock, maxSteps);
    }

    /**
     * The text of the template for these variables.
     *
     * @param variables strings, numbers, booleans, nulls, and lists and maps (with string keys) of them
     * @throws JinjaException with line and column, if the template fails on them or does too much work
     * @throws IllegalArgumentException if a variable is of another type
     */
    public String render(Map<String, ?> variables) {
        Execution execution = new Execution(source, maxSteps, clock);
        Scope scope = new Scope(null);
        variables.forEach((name, value) -> scope.set(name, converted(execution, value, 0)));
        return new Interpreter(execution, Globals.functions()).render(body, scope);
    }

    private static Object converted(Execution execution, @Nullable Object value, int depth) {
        if (depth > MAX_INPUT_DEPTH) {
            throw execution.error("the input is nested more than " + MAX_INPUT_DEPTH + " deep");
        }
        execution.charge(1);
        return switch (value) {
            case null -> None.NONE;
            case String text -> {
                execution.grant(text.length());
                yield text;
            }
            case Boolean flag -> flag;
            case Byte number -> number.longValue();
            case Short number -> number.longValue();
            case Integer number -> number.longValue();
            case Long number -> number;
            case BigInteger number -> Numbers.compact(number);
            case Number number -> number.doubleValue();
            case List<?> list -> {
                List<Object> items = new ArrayList<>(list.size());
                for (Object item : list) {
                    items.add(converted(execution, item, depth + 1));
                }
                yield PyList.list(items);
            }
            case Map<?, ?> map -> {
                PyDict dict = new PyDict();
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    dict.put(String.valueOf(entry.getKey()), converted(execution, entry.getValue(), depth + 1));
                }
                yield dict;
            }
            default ->
                throw new IllegalArgumentException(
                        "a template cannot use a value of " + value.getClass().getName());
        };
    }
}
