package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ChatLoopTest {
    private static final ChatBackend.Settings MODEL_DEFAULTS =
            new ChatBackend.Settings(null, null, null, null, null, null);

    private final CommandRunner runner = new CommandRunner();
    private final Echo backend = new Echo();

    /** Answers with the last message in capitals, and keeps what it was asked. */
    private static final class Echo implements ChatBackend {
        private final List<List<Message>> asked = new ArrayList<>();
        private final List<Settings> settings = new ArrayList<>();
        private Runnable whileAnswering = () -> {};
        private boolean fails;
        private String thought = "";

        @Override
        public Answer answer(List<Message> messages, Settings with, Cancellation cancellation, Sink sink) {
            asked.add(messages);
            settings.add(with);
            if (fails) {
                throw CliException.failure("The prompt is too long.");
            }
            String answer = messages.getLast().content().toUpperCase(java.util.Locale.ROOT);
            if (!thought.isEmpty()) {
                sink.reasoning(thought);
            }
            sink.text(answer.substring(0, 1));
            whileAnswering.run();
            if (cancellation.isCancelled()) {
                return new Answer(answer.substring(0, 1), "", 5, 2, 1, 0.1, 0.1, "abort");
            }
            sink.text(answer.substring(1));
            return new Answer(answer, thought, 5, 2, 11, 0.1, 0.6, "stop");
        }

        @Override
        public String description() {
            return "an echo";
        }

        @Override
        public void close() {}
    }

    private ChatLoop loop(String input) {
        return new ChatLoop(runner.input(input).terminal(), backend, MODEL_DEFAULTS, Optional.empty());
    }

    private void chat(String input) throws IOException, InterruptedException {
        loop(input).run();
    }

    @Test
    void keepsTheConversation() throws Exception {
        chat("hello\n\nagain\n");
        assertThat(backend.asked.get(1))
                .extracting(ChatBackend.Message::role, ChatBackend.Message::content)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("user", "hello"),
                        org.assertj.core.groups.Tuple.tuple("assistant", "HELLO"),
                        org.assertj.core.groups.Tuple.tuple("user", "again"));
    }

    @Test
    void showsReasoningBesideTheAnswer() throws Exception {
        backend.thought = "Loud?";
        chat("hello\nagain\n");
        assertThat(runner.out()).isEqualToNormalizingNewlines("HELLO\nAGAIN\n");
        assertThat(runner.err()).startsWith("Loud?").doesNotContain("\u001b");
        assertThat(backend.asked.get(1))
                .extracting(ChatBackend.Message::content)
                .containsExactly("hello", "HELLO", "again");
    }

    @Test
    void dimsReasoningOnATerminal() throws Exception {
        backend.thought = "Loud?";
        new ChatLoop(runner.input("hello\n").onTerminals().terminal(), backend, MODEL_DEFAULTS, Optional.empty()).run();
        assertThat(runner.out()).contains("\u001b[2mLoud?\u001b[0m" + System.lineSeparator() + "HELLO");
    }

    @Test
    void leavesOnlyAnswersInAPipe() throws Exception {
        chat("hello\n/think on\nyou\n");
        assertThat(runner.out()).isEqualToNormalizingNewlines("HELLO\nYOU\n");
        assertThat(runner.err())
                .contains("[11 tokens, 20.0 tokens/s, first after 100 ms, prompt 5 tokens (2 cached)]")
                .contains("Thinking is on.");
    }

    @Test
    void promptsAPersonAndShowsFigures() throws Exception {
        runner.onTerminals();
        chat("hello\n");
        assertThat(runner.err()).isEmpty();
        assertThat(runner.out()).contains("Chatting with an echo.", "> HELLO", "[11 tokens, 20.0 tokens/s");
    }

    @Test
    void understandsItsCommands() throws Exception {
        chat("one\n/reset\ntwo\n/system Be brief.\nthree\n/system\nfour\n/stats\n/nonsense\n/help\n/exit\nfive\n");
        assertThat(backend.asked).hasSize(4);
        assertThat(backend.asked.get(1)).hasSize(1);
        assertThat(backend.asked.get(2).getFirst()).isEqualTo(new ChatBackend.Message("system", "Be brief."));
        assertThat(backend.asked.get(3)).hasSize(1);
        assertThat(runner.err())
                .contains("answers            4")
                .contains("prompt tokens      20, of which 8 came from the prefix cache")
                .contains("generated tokens   44, at 20.0 a second")
                .contains("/nonsense is no command; /help lists them.")
                .contains("/reset  ");
    }

    @Test
    void switchesThinkingForTheTemplate() throws Exception {
        chat("a\n/think on\nb\n/think off\nc\n/think perhaps\n");
        assertThat(backend.settings).extracting(ChatBackend.Settings::thinking).containsExactly(null, true, false);
        assertThat(runner.err()).contains("/think takes on or off.");
    }

    @Test
    void interruptStopsTheAnswerAndNotTheSession() throws Exception {
        ChatLoop loop = loop("hello\nagain\n");
        boolean[] stopped = new boolean[2];
        backend.whileAnswering = () -> stopped[0] = backend.asked.size() == 1 && loop.interrupt();
        loop.run();
        stopped[1] = loop.interrupt();
        assertThat(runner.out()).isEqualToNormalizingNewlines("H\nAGAIN\n");
        assertThat(runner.err()).contains(", stopped]");
        assertThat(stopped)
                .containsExactly(false, false); // the second answer was not interrupted; at the prompt neither
    }

    @Test
    void forgetsAQuestionThatFailed() throws Exception {
        runner.onTerminals();
        ChatLoop loop = loop("bad\ngood\n");
        backend.fails = true;
        loop.run();
        assertThat(backend.asked.get(1)).hasSize(1);
        assertThat(runner.out()).contains("fathom: The prompt is too long.");
    }

    @Test
    void failsWhereNobodyCanAskAgain() {
        backend.fails = true;
        assertThatThrownBy(() -> chat("bad\n")).isInstanceOf(CliException.class);
    }

    @Test
    void talksToAServer() throws Exception {
        try (FakeServer server = new FakeServer();
                ServerClient client = new ServerClient(server.url() + "/v1/", Optional.of("key"));
                RemoteChat remote = new RemoteChat(client)) {
            server.stream(
                    "/v1/chat/completions",
                    "{\"choices\": [{\"delta\": {\"role\": \"assistant\", \"content\": \"\"}}]}",
                    "{\"choices\": [{\"delta\": {\"reasoning_content\": \"Salut?\"}}]}",
                    "{\"choices\": [{\"delta\": {\"content\": \"Bon\"}}]}",
                    "{\"choices\": [{\"delta\": {\"content\": \"jour\"}, \"finish_reason\": \"length\"}]}",
                    "{\"choices\": [], \"usage\": {\"prompt_tokens\": 9, \"completion_tokens\": 2,"
                            + " \"prompt_tokens_details\": {\"cached_tokens\": 4}}}");
            ChatBackend.Answer answer = remote.answer(
                    List.of(new ChatBackend.Message("user", "hé")),
                    new ChatBackend.Settings(true, 2, 0f, null, null, 5L),
                    new Cancellation(),
                    new AnswerPrinter(runner.terminal()));
            assertThat(runner.out()).isEqualTo("Bonjour");
            assertThat(runner.err()).isEqualTo("Salut?" + System.lineSeparator());
            assertThat(answer.reasoning()).isEqualTo("Salut?");
            assertThat(answer.text()).isEqualTo("Bonjour");
            assertThat(answer.finishReason()).isEqualTo("length");
            assertThat(answer.tokens()).isEqualTo(2);
            assertThat(answer.cachedTokens()).isEqualTo(4);
            assertThat(server.bodies("/v1/chat/completions"))
                    .singleElement()
                    .asString()
                    .contains("\"thinking\":true", "\"max_tokens\":2", "\"seed\":5", "\"content\":\"hé\"")
                    .doesNotContain("top_p");
            assertThat(remote.description()).isEqualTo("fake-model at " + server.url());
        }
    }
}
