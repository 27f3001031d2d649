package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class IntakeTest {
    private static final GenerationEvent END = new GenerationEvent.Finished(new FinishReason.Length(0), 1, 0, 0);

    @Test
    void countsRequestsThatWereTakenButNotStartedAsQueued() throws Exception {
        Intake intake = new Intake(2);
        submit(intake, "a");
        submit(intake, "b");
        assertFull(intake);
        assertThat(take(intake).arrivals()).hasSize(2);
        assertFull(intake);
        intake.waiting(1);
        submit(intake, "c");
        assertFull(intake);
    }

    @Test
    void endsARequestOnce() throws Exception {
        Intake intake = new Intake(2);
        GenerationStream stream = submit(intake, "a");
        Submission submission = take(intake).arrivals().getFirst();
        intake.end(submission, END);
        intake.end(submission, new GenerationEvent.Failed(Intake.internal("again")));
        intake.close(Intake.internal("closed"), Intake.unavailable("closed"));
        assertThat(stream.take()).isEqualTo(END);
        assertThat(submission.stream().put(new GenerationEvent.Token(1, 0, List.of())))
                .isFalse();
    }

    @Test
    void tellsOnlyTheFirstReasonItWasClosedFor() throws Exception {
        Intake intake = new Intake(2);
        GenerationStream stream = submit(intake, "a");
        intake.close(Intake.internal("first"), Intake.unavailable("first"));
        intake.close(Intake.internal("second"), Intake.unavailable("second"));
        assertThat(((GenerationEvent.Failed) stream.take()).error()).hasMessage("first");
        assertThatThrownBy(() -> submit(intake, "b")).hasMessage("first");
        assertThat(intake.next(true)).isNull();
        assertThat(intake.flush().join()).isFalse();
    }

    @Test
    void forgetsAbortsOfEndedRequests() throws Exception {
        Intake intake = new Intake(2);
        submit(intake, "a");
        Submission submission = take(intake).arrivals().getFirst();
        intake.abort("a");
        intake.end(submission, END);
        intake.abort("a");
        assertThat(take(intake).aborts()).isEmpty();
    }

    private static Intake.Work take(Intake intake) throws InterruptedException {
        return Objects.requireNonNull(intake.next(false));
    }

    private static GenerationStream submit(Intake intake, String id) {
        return intake.submit(GenerationRequest.of(id, new int[] {1}, SamplingParams.greedy(3)), 3);
    }

    private static void assertFull(Intake intake) {
        assertThatThrownBy(() -> submit(intake, "too many"))
                .isInstanceOfSatisfying(
                        RequestException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.QUEUE_FULL));
    }
}
