package dev.fathom.text.answer;

/** Passes on one JSON object, from its first brace to its last. */
final class JsonArguments {
    private final JsonProgress json = new JsonProgress();
    private final String function;
    private boolean begun;

    JsonArguments(String function) {
        this.function = function;
    }

    /** MORE, CALL when the object is whole, else DAMAGED. */
    CallReader.Step accept(char c, CallSink sink) {
        if (!begun) {
            if (JsonProgress.isSpace(c)) {
                return CallReader.Step.MORE;
            }
            if (c != '{') {
                return CallReader.Step.DAMAGED;
            }
            begun = true;
            sink.begin(function);
        }
        if (!json.accept(c)) {
            return CallReader.Step.DAMAGED;
        }
        sink.arguments(String.valueOf(c));
        return json.isWhole() ? CallReader.Step.CALL : CallReader.Step.MORE;
    }
}
