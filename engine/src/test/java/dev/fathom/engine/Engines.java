package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.StepContext;
import java.util.Arrays;
import java.util.Set;
import java.util.function.Consumer;

/** Engines over {@link FakeLm} and requests for them. */
final class Engines {
    static final int CONTEXT = 200;

    private Engines() {}

    static void refused(Engine engine, GenerationRequest request, ErrorCode code, String message) {
        assertThatThrownBy(() -> engine.submit(request))
                .isInstanceOfSatisfying(
                        RequestException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(message);
    }

    static Engine start(EngineConfig config, Consumer<StepContext> beforeStep) {
        return start(config, EngineListener.none(), beforeStep);
    }

    static Engine start(EngineConfig config, EngineListener listener, Consumer<StepContext> beforeStep) {
        return Engine.start(new FakeLm(CONTEXT, beforeStep), new NoKernels(), Communicator.single(), config, listener);
    }

    static EngineConfig config(int slots) {
        return EngineConfig.defaults(slots, Set.of()).withKvFormat(KvFormat.F32);
    }

    static GenerationRequest request(String id, int[] prompt, int maxNewTokens) {
        return GenerationRequest.of(id, prompt, SamplingParams.greedy(maxNewTokens));
    }

    static int[] ids(int count) {
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> i % 60);
        return ids;
    }

    static int[] descending(int count) {
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> 59 - i % 60);
        return ids;
    }
}
