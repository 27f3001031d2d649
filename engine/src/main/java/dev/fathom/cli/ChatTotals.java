package dev.fathom.cli;

/** Figures of a chat session. */
final class ChatTotals {
    private int answers;
    private long promptTokens;
    private long cachedTokens;
    private long tokens;
    private double decodeSeconds;
    private long decodeTokens;

    void add(ChatBackend.Answer answer) {
        answers++;
        promptTokens += answer.promptTokens();
        cachedTokens += answer.cachedTokens();
        tokens += answer.tokens();
        if (answer.tokens() > 1) {
            decodeTokens += answer.tokens() - 1;
            decodeSeconds += answer.seconds() - answer.firstTokenSeconds();
        }
    }

    String report() {
        return Units.format("""
                answers            %d
                prompt tokens      %,d, of which %,d came from the prefix cache
                generated tokens   %,d, at %.1f a second
                """, answers, promptTokens, cachedTokens, tokens, rate(decodeTokens, decodeSeconds));
    }

    /** The line below an answer. */
    static String line(ChatBackend.Answer answer) {
        String end = switch (answer.finishReason()) {
            case "length" -> ", cut at the token limit";
            case "abort" -> ", stopped";
            default -> "";
        };
        return Units.format(
                "[%d tokens, %.1f tokens/s, first after %.0f ms, prompt %d tokens (%d cached)%s]",
                answer.tokens(),
                rate(answer.tokens() - 1L, answer.seconds() - answer.firstTokenSeconds()),
                answer.firstTokenSeconds() * 1e3,
                answer.promptTokens(),
                answer.cachedTokens(),
                end);
    }

    private static double rate(long tokens, double seconds) {
        return tokens <= 0 || seconds <= 0 ? 0 : tokens / seconds;
    }
}
