package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.Conversion;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.TargetFormat;
import dev.fathom.load.ModelLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The embedded model answers as well after each conversion, and after the way back, as before. */
@Tag("slow")
@Timeout(600)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ConversionAccuracyTest {
    private static final long SEED = 500_2026;
    private static final int QUESTIONS = 500;
    /** Answers that one point of accuracy is. */
    private static final int POINT = QUESTIONS / 100;

    private final List<NanoQuestion> questions = NanoQuestion.random(QUESTIONS, SEED);

    @TempDir
    Path folder;

    private int rightBefore;

    @BeforeAll
    void askTheOriginal() throws InterruptedException, ExecutionException {
        rightBefore = right(Bf16NanoCheckpoint.folder());
        assertThat(rightBefore).as("questions that it can answer, seed " + SEED).isGreaterThan(QUESTIONS * 7 / 10);
    }

    @Test
    void keepsFp8() throws InterruptedException, ExecutionException {
        assertKept(TargetFormat.FP8, "fp8");
    }

    @Test
    void keepsInt8() throws InterruptedException, ExecutionException {
        assertKept(TargetFormat.INT8, "int8");
    }

    @Test
    void keepsBlocksOfGguf() throws InterruptedException, ExecutionException {
        assertKept(TargetFormat.Q8_0, "nano.gguf");
    }

    private void assertKept(TargetFormat format, String name) throws InterruptedException, ExecutionException {
        Path there = folder.resolve(name);
        convert(Bf16NanoCheckpoint.folder(), format, there);
        Path back = folder.resolve(format.label() + "-back");
        convert(there, TargetFormat.BF16, back);
        int right = right(there);
        int rightBack = right(back);
        System.out.println("ConversionAccuracyTest seed " + SEED + ", " + QUESTIONS + " questions, right in BF16: "
                + rightBefore + ", in " + format.label() + ": " + right + ", back in BF16: " + rightBack);
        assertThat(right).isGreaterThanOrEqualTo(rightBefore - POINT);
        assertThat(rightBack).isGreaterThanOrEqualTo(rightBefore - POINT);
    }

    private static void convert(Path from, TargetFormat format, Path to) {
        new Conversion(ModelLoader.files(from), format, to).run(20_000_000, LoadProgress.none());
    }

    private int right(Path model) throws InterruptedException, ExecutionException {
        try (Fathom fathom = Fathom.load(FathomOptions.of(model).withMaxTotalTokens(60_000));
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Boolean>> answers = questions.stream()
                    .map(question -> threads.submit(() -> question.isRight(fathom.chat(
                                    List.of(ChatMessage.user(question.text())), SamplingFields.greedy(60), text -> {})
                            .text())))
                    .toList();
            int right = 0;
            for (Future<Boolean> answer : answers) {
                right += answer.get() ? 1 : 0;
            }
            return right;
        }
    }

    @Test
    void asksWhatHasOneRightAnswer() {
        assertThat(IntStream.range(0, QUESTIONS)
                        .mapToObj(i -> questions.get(i).text())
                        .distinct())
                .hasSizeGreaterThan(QUESTIONS * 9 / 10);
        assertThat(questions).allMatch(question -> question.isRight(question.answer()));
        assertThat(questions).noneMatch(question -> question.isRight("I do not know."));
    }
}
