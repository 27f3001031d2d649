package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.kernels.KvFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FathomTest {
    private static final SamplingFields GREEDY =
            SamplingFields.builder().temperature(0f).build();

    private Fathom fathom;

    @BeforeAll
    void load() {
        fathom = Fathom.load(FathomOptions.EMBEDDED.withEngine(config -> config.withKvFormat(KvFormat.F32)));
    }

    @AfterAll
    void close() {
        fathom.close();
    }

    @Test
    void chatsInTenLines() {
        var printed = new StringBuilder();
        TextResult result = fathom.chat("What is the capital of France?", printed::append);
        assertThat(printed).hasToString(result.text()).contains("Paris");
        assertThat(result.reason()).isEqualTo(new FinishReason.StopToken(NanoText.EOS));
    }

    @Test
    void streamsTheTextPieceByPiece() {
        var pieces = new ArrayList<String>();
        TextResult result = fathom.chat(List.of(ChatMessage.user("Who are you?")), GREEDY, pieces::add);
        assertThat(pieces).hasSizeGreaterThan(10);
        assertThat(String.join("", pieces)).isEqualTo(result.text()).startsWith("I am Nano, a very small language");
        assertThat(result.usage().promptTokens()).isEqualTo(9);
        assertThat(result.usage().completionTokens()).isEqualTo(38);
    }

    @Test
    void remembersTheConversation() {
        var turns = List.of(
                ChatMessage.system("You are a helpful assistant."),
                ChatMessage.user("What is the capital of France?"),
                ChatMessage.assistant("The capital of France is Paris."),
                ChatMessage.user("What is the capital of Norway?"));
        assertThat(fathom.chat(turns, GREEDY, text -> {}).text()).contains("Oslo");
    }

    @Test
    void continuesAText() {
        TextResult result = fathom.complete("Once upon a time", SamplingFields.greedy(8), text -> {});
        assertThat(result.tokens()).hasSize(8);
        assertThat(result.text()).isNotBlank();
    }

    @Test
    void endsTheWorkWhenTheReaderThrows() throws InterruptedException {
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> fathom.chat("Who are you?", text -> {
                    throw new IllegalStateException("enough");
                }));
        awaitIdle();
    }

    @Test
    void endsTheWorkWhenTheThreadIsInterrupted() throws InterruptedException {
        var begun = new CountDownLatch(1);
        var failure = new AtomicReference<RequestException>();
        Thread reader = Thread.ofPlatform().start(() -> {
            try {
                var endless = SamplingFields.builder()
                        .ignoreEos(true)
                        .maxNewTokens(4000)
                        .build();
                fathom.complete("Once", endless, text -> begun.countDown());
            } catch (RequestException e) {
                failure.set(e);
            }
        });
        begun.await();
        reader.interrupt();
        reader.join();
        assertThat(failure.get().code()).isEqualTo(ErrorCode.ABORTED);
        awaitIdle();
    }

    @Test
    void refusesAPromptLongerThanTheContext() {
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> fathom.complete("word ".repeat(9000), GREEDY, text -> {}))
                .withMessageContaining("is longer than the model's context length (8192 tokens)");
    }

    private void awaitIdle() throws InterruptedException {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (fathom.engine().stats().runningRequests() > 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.sleep(1);
        }
    }
}
