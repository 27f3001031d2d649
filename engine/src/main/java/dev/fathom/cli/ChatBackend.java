package dev.fathom.cli;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What answers a conversation: the engine in this process, or a server. */
interface ChatBackend extends AutoCloseable {
    /**
     * One message.
     *
     * @param role  system, user or assistant
     */
    record Message(String role, String content) {}

    /**
     * How to answer; null leaves the choice to the model's own defaults.
     *
     * @param thinking  the chat template's variable of that name
     */
    record Settings(
            @Nullable Boolean thinking,
            @Nullable Integer maxTokens,
            @Nullable Float temperature,
            @Nullable Float topP,
            @Nullable Integer topK,
            @Nullable Long seed) {
        Settings withThinking(boolean value) {
            return new Settings(value, maxTokens, temperature, topP, topK, seed);
        }

        /** Variables for the chat template. */
        Map<String, @Nullable Object> templateVariables() {
            return thinking == null ? Map.of() : Map.of("thinking", thinking);
        }
    }

    /**
     * A finished answer.
     *
     * @param text               without reasoning
     * @param reasoning          empty where there is none
     * @param firstTokenSeconds  from asking to the first text
     * @param seconds            from asking to the end
     * @param finishReason       stop, length or abort
     */
    record Answer(
            String text,
            String reasoning,
            int promptTokens,
            int cachedTokens,
            int tokens,
            double firstTokenSeconds,
            double seconds,
            String finishReason) {}

    /** Gets an answer piece by piece. */
    interface Sink {
        /** Shows nothing. */
        Sink NONE = new Sink() {
            @Override
            public void reasoning(String text) {}

            @Override
            public void text(String text) {}
        };

        void reasoning(String text);

        void text(String text);
    }

    /**
     * Answers a conversation, and hands over the text as it is made.
     *
     * @throws CliException when it cannot be answered
     */
    Answer answer(List<Message> messages, Settings settings, Cancellation cancellation, Sink sink)
            throws InterruptedException;

    /** One line about what answers. */
    String description();

    @Override
    void close();
}
