package dev.fathom.text.answer;

import java.util.HashSet;
import java.util.Set;

/**
 * Calls of DeepSeek-V3.2: tags with a bar in their names. Each argument is a tag of its own, its value plain text or
 * JSON; or one JSON object stands for all of them.
 */
final class DsmlCallReader implements CallReader {
    static final String OPEN = "<｜DSML｜function_calls>";
    static final String CLOSE = "</｜DSML｜function_calls>";
    static final String CALL = "<｜DSML｜invoke name=\"";
    static final String CALL_END = "</｜DSML｜invoke>";
    private static final String PARAMETER = "<｜DSML｜parameter name=\"";
    private static final String PARAMETER_END = "</｜DSML｜parameter>";
    private static final String QUOTE = "\"";

    /** Longer names of parameters count as damage. */
    private static final int MOST_NAME = 256;

    private enum State {
        BETWEEN,
        NAME,
        NAME_END,
        BODY,
        JSON,
        JSON_END,
        PARAMETER,
        KIND,
        KIND_END,
        TEXT_VALUE,
        JSON_VALUE
    }

    private final Set<String> functions;
    private final Literals between = new Literals(CALL, CLOSE);
    private final Literals tagEnd = new Literals(">");
    private final Literals body = new Literals(CALL_END, PARAMETER, "{");
    private final Literals kind = new Literals("string=\"true\"", "string=\"false\"");
    private final Literals callEnd = new Literals(CALL_END);
    private final UntilMark parameterMark = new UntilMark(QUOTE);
    private final UntilMark valueMark = new UntilMark(PARAMETER_END);
    private final StringBuilder passed = new StringBuilder();
    private final StringBuilder parameter = new StringBuilder();
    private final Set<String> parameters = new HashSet<>();
    private State state = State.BETWEEN;
    private FunctionName name;
    private JsonArguments arguments = new JsonArguments("");
    private JsonProgress value = new JsonProgress();
    private boolean text;

    DsmlCallReader(Set<String> functions) {
        this.functions = functions;
        name = new FunctionName(QUOTE, functions);
    }

    @Override
    public Step accept(char c, CallSink sink) {
        return switch (state) {
            case BETWEEN -> between(c);
            case NAME -> name(c);
            case NAME_END -> after(tagEnd.accept(c), State.BODY);
            case BODY -> body(c, sink);
            case JSON -> json(c, sink);
            case JSON_END -> callEnd(c);
            case PARAMETER -> parameter(c);
            case KIND -> kind(c);
            case KIND_END -> kindEnd(c, sink);
            case TEXT_VALUE -> textValue(c, sink);
            case JSON_VALUE -> jsonValue(c, sink);
        };
    }

    private Step between(char c) {
        int found = between.accept(c);
        if (found == 1) {
            return Step.BLOCK;
        }
        name = new FunctionName(QUOTE, functions);
        return after(found, State.NAME);
    }

    private Step name(char c) {
        Step step = name.accept(c);
        if (step != Step.CALL) {
            return step;
        }
        parameters.clear();
        state = State.NAME_END;
        return Step.MORE;
    }

    private Step body(char c, CallSink sink) {
        int found = body.accept(c);
        if (found == 0) {
            if (parameters.isEmpty()) {
                sink.begin(name.name());
                sink.arguments("{");
            }
            sink.arguments("}");
            state = State.BETWEEN;
            return Step.CALL;
        }
        if (found == 1) {
            parameter.setLength(0);
            state = State.PARAMETER;
            return Step.MORE;
        }
        if (found == 2 && parameters.isEmpty()) {
            arguments = new JsonArguments(name.name());
            state = State.JSON;
            return json(c, sink);
        }
        return found == Literals.MORE ? Step.MORE : Step.DAMAGED;
    }

    private Step json(char c, CallSink sink) {
        Step step = arguments.accept(c, sink);
        if (step != Step.CALL) {
            return step;
        }
        state = State.JSON_END;
        return Step.MORE;
    }

    private Step callEnd(char c) {
        Step step = after(callEnd.accept(c), State.BETWEEN);
        return state == State.BETWEEN ? Step.CALL : step;
    }

    private Step parameter(char c) {
        if (parameterMark.accept(c, parameter)) {
            state = State.KIND;
            return Step.MORE;
        }
        return parameter.length() > MOST_NAME ? Step.DAMAGED : Step.MORE;
    }

    private Step kind(char c) {
        int found = kind.accept(c);
        text = found == 0;
        return after(found == 1 ? 0 : found, State.KIND_END);
    }

    private Step kindEnd(char c, CallSink sink) {
        Step step = after(tagEnd.accept(c), text ? State.TEXT_VALUE : State.JSON_VALUE);
        if (state == State.KIND_END) {
            return step;
        }
        boolean first = parameters.isEmpty();
        if (!parameters.add(parameter.toString())) {
            return Step.DAMAGED;
        }
        if (first) {
            sink.begin(name.name());
        }
        sink.arguments((first ? "{" : ", ") + JsonText.quoted(parameter) + ": " + (text ? QUOTE : ""));
        value = new JsonProgress();
        return Step.MORE;
    }

    private Step textValue(char c, CallSink sink) {
        passed.setLength(0);
        boolean ended = valueMark.accept(c, passed);
        sink.arguments(JsonText.escaped(passed));
        if (ended) {
            sink.arguments(QUOTE);
            state = State.BODY;
        }
        return Step.MORE;
    }

    private Step jsonValue(char c, CallSink sink) {
        passed.setLength(0);
        boolean ended = valueMark.accept(c, passed);
        for (int i = 0; i < passed.length(); i++) {
            if (!value.accept(passed.charAt(i))) {
                return Step.DAMAGED;
            }
        }
        sink.arguments(passed);
        if (ended) {
            state = State.BODY;
            return value.isWhole() ? Step.MORE : Step.DAMAGED;
        }
        return Step.MORE;
    }

    /** @param found what {@link Literals#accept} said of its first text */
    private Step after(int found, State next) {
        if (found == 0) {
            state = next;
        }
        return found == Literals.NONE ? Step.DAMAGED : Step.MORE;
    }
}
