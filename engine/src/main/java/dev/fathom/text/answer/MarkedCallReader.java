package dev.fathom.text.answer;

import java.util.List;
import java.util.Set;

/** Calls of DeepSeek-V3, R1 and V3.1: special tokens around a name and a JSON object. */
final class MarkedCallReader implements CallReader {
    /**
     * Where the marks stand.
     *
     * @param beforeName      begins a call
     * @param afterName       between name and arguments
     * @param afterArguments  end a call, white space before each
     * @param close           closes the block
     */
    record Layout(String beforeName, String afterName, List<String> afterArguments, String close) {}

    private enum State {
        BETWEEN,
        NAME,
        ARGUMENTS,
        END
    }

    private final Layout layout;
    private final Set<String> functions;
    private State state = State.BETWEEN;
    private Literals literals;
    private FunctionName name;
    private JsonArguments arguments;
    private int ended;

    MarkedCallReader(Layout layout, Set<String> functions) {
        this.layout = layout;
        this.functions = functions;
        literals = new Literals(layout.beforeName(), layout.close());
        name = new FunctionName(layout.afterName(), functions);
        arguments = new JsonArguments("");
    }

    @Override
    public Step accept(char c, CallSink sink) {
        return switch (state) {
            case BETWEEN -> between(c);
            case NAME -> name(c);
            case ARGUMENTS -> arguments(c, sink);
            case END -> end(c);
        };
    }

    private Step between(char c) {
        return switch (literals.accept(c)) {
            case 0 -> {
                name = new FunctionName(layout.afterName(), functions);
                state = State.NAME;
                yield Step.MORE;
            }
            case 1 -> Step.BLOCK;
            case Literals.MORE -> Step.MORE;
            default -> Step.DAMAGED;
        };
    }

    private Step name(char c) {
        Step step = name.accept(c);
        if (step != Step.CALL) {
            return step;
        }
        arguments = new JsonArguments(name.name());
        state = State.ARGUMENTS;
        return Step.MORE;
    }

    private Step arguments(char c, CallSink sink) {
        Step step = arguments.accept(c, sink);
        if (step != Step.CALL) {
            return step;
        }
        ended = 0;
        literals = new Literals(layout.afterArguments().getFirst());
        state = State.END;
        return Step.MORE;
    }

    private Step end(char c) {
        int found = literals.accept(c);
        if (found != 0) {
            return found == Literals.MORE ? Step.MORE : Step.DAMAGED;
        }
        if (++ended < layout.afterArguments().size()) {
            literals = new Literals(layout.afterArguments().get(ended));
            return Step.MORE;
        }
        literals = new Literals(layout.beforeName(), layout.close());
        state = State.BETWEEN;
        return Step.CALL;
    }
}
