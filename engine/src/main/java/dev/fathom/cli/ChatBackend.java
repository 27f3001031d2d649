package dev.fathom.cli;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
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
     * @param firstTokenSeconds  from asking to the first text
     * @param seconds            from asking to the end
     * @param finishReason       stop, length or abort
     */
    record Answer(
            String text,
            int promptTokens,
            int cachedTokens,
            int tokens,
            double firstTokenSeconds,
            double seconds,
            String finishReason) {}

    /**
     * Answers a conversation, and hands over the text as it is made.
     *
     * @throws CliException when it cannot be answered
     */
    Answer answer(List<Message> messages, Settings settings, Cancellation cancellation, Consumer<String> text)
            throws InterruptedException;

    /** One line about what answers. */
    String description();

    @Override
    void close();
}
