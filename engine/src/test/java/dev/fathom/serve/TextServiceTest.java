package dev.fathom.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.text.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TextServiceTest {
    private static final String THOUGHTS = "I think <｜tool▁calls▁begin｜>";

    private final ServedModel model = NanoText.model();
    private final Tokenizer tokenizer = model.tokenizerFor("test");

    @Test
    void rendersAndTokenizesAChatWithOneBeginToken() throws InterruptedException {
        var generator = answering("Paris.", NanoText.EOS);
        TextResult result = chat(generator, Map.of("thinking", true), List.of());
        assertThat(result.text()).isEqualTo("Paris.");
        assertThat(result.reason()).isEqualTo(new FinishReason.StopToken(NanoText.EOS));
        int[] prompt = generator.submitted.getFirst().promptIds();
        assertThat(tokenizer.decode(prompt, false))
                .isEqualTo("<｜begin▁of▁sentence｜><｜User｜>What is the capital of France?<｜Assistant｜><think>");
        assertThat(prompt).containsOnlyOnce(NanoText.BOS);
    }

    @Test
    void addsTheBeginTokenToARawPromptOnce() throws InterruptedException {
        var generator = answering("x", NanoText.EOS);
        var service = new TextService(model, generator);
        start(service, "Once").collect();
        start(service, "<｜begin▁of▁sentence｜>Once").collect();
        start(service, "").collect();
        assertThat(generator.submitted.get(0).promptIds()[0]).isEqualTo(NanoText.BOS);
        assertThat(generator.submitted.get(1).promptIds())
                .isEqualTo(generator.submitted.get(0).promptIds());
        assertThat(generator.submitted.get(2).promptIds()).containsExactly(NanoText.BOS);
    }

    @Test
    void takesDefaultsInOrder() throws InterruptedException {
        var preferred = SamplingFields.builder().topP(0.5f).build();
        var fromModel = SamplingFields.builder().topP(0.95f).temperature(0.6f).build();
        var generator = answering("x", NanoText.EOS);
        var service = new TextService(NanoText.model(tokenizer, preferred.orElse(fromModel)), generator);
        var own = SamplingFields.builder().temperature(0.1f).build();
        service.start(TextRequest.of("a", new Prompt.Text("x"), own)).collect();
        var sampling = generator.submitted.getFirst().sampling();
        assertThat(sampling.temperature()).isEqualTo(0.1f);
        assertThat(sampling.topP()).isEqualTo(0.5f);
        assertThat(sampling.topK()).isEqualTo(-1);
    }

    @Test
    void clipsADefaultTokenLimitToTheContextButNotAnAskedOne() throws InterruptedException {
        var generator = answering("x", NanoText.EOS);
        var service = new TextService(model, generator);
        int[] prompt = new int[8190];
        var item = new TextRequest.Item("a", new Prompt.Ids(prompt), SamplingFields.NONE, Logprobs.NONE);
        service.start(new TextRequest(List.of(item), 128, 0, "", 1)).collect();
        assertThat(generator.submitted.getLast().sampling().maxNewTokens()).isEqualTo(2);
        service.start(TextRequest.of("b", new Prompt.Ids(prompt), SamplingFields.greedy(128)))
                .collect();
        assertThat(generator.submitted.getLast().sampling().maxNewTokens()).isEqualTo(128);
        service.start(TextRequest.of("c", new Prompt.Ids(new int[] {5}), SamplingFields.NONE))
                .collect();
        assertThat(generator.submitted.getLast().sampling().maxNewTokens()).isEqualTo(8191);
    }

    @Test
    void abortsTheEngineWhenAStopStringIsFoundAndCountsWhatWasRead() throws InterruptedException {
        int[] ids = tokenizer.encode("one, two, three, four");
        var generator = ScriptedGenerator.beginning(ids);
        var service = new TextService(model, generator);
        var stopping = SamplingFields.builder().stop(List.of("three")).build();
        TextResult result = service.start(TextRequest.of("a", new Prompt.Text("count"), stopping))
                .collect()
                .getFirst();
        assertThat(result.text()).isEqualTo("one, two, ");
        assertThat(result.reason()).isEqualTo(new FinishReason.StopString("three"));
        assertThat(result.usage().completionTokens())
                .isLessThan(ids.length)
                .isEqualTo(result.tokens().size());
        assertThat(generator.runningRequests()).isZero();
    }

    @Test
    void keepsTheStopStringWithNoStopTrim() throws InterruptedException {
        var generator = ScriptedGenerator.beginning(tokenizer.encode("one, two, three, four"));
        var keeping =
                SamplingFields.builder().stop(List.of("three")).noStopTrim(true).build();
        TextResult result = new TextService(model, generator)
                .start(TextRequest.of("a", new Prompt.Text("count"), keeping))
                .collect()
                .getFirst();
        assertThat(result.text()).isEqualTo("one, two, three");
    }

    @Test
    void givesEachOfNAnswersItsOwnSeedAndId() throws InterruptedException {
        var generator = answering("x", NanoText.EOS);
        var service = new TextService(model, generator);
        var three = SamplingFields.builder().n(3).seed(7L).build();
        List<TextResult> results =
                service.start(TextRequest.of("a", new Prompt.Text("x"), three)).collect();
        assertThat(results)
                .hasSize(3)
                .allSatisfy(result -> assertThat(result.text()).isEqualTo("x"));
        assertThat(generator.submitted).extracting(GenerationRequest::id).containsExactly("a", "a#1", "a#2");
        assertThat(generator.submitted)
                .extracting(request -> request.sampling().seed().orElseThrow())
                .containsExactly(7L, 8L, 9L);
    }

    @Test
    void abortsByIdWithAllAnswersAndNoOthers() {
        var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
        var service = new TextService(model, generator);
        var two = SamplingFields.builder().n(2).build();
        try (TextStream first = service.start(TextRequest.of("req-1", new Prompt.Text("x"), two));
                TextStream second = start(service, "x", "req-10")) {
            assertThat(service.abort("req-1")).isEqualTo(2);
            assertThat(generator.runningRequests()).isEqualTo(1);
            assertThat(service.abort("unknown")).isZero();
            assertThat(first.size() + second.size()).isEqualTo(3);
        }
        assertThat(generator.runningRequests()).isZero();
        assertThat(service.openSequences()).isZero();
    }

    @Test
    void refusesAnIdThatIsStillRunning() {
        var service = new TextService(model, new ScriptedGenerator(ScriptedGenerator.SILENT));
        try (TextStream first = start(service, "x", "same")) {
            assertThat(first.size()).isEqualTo(1);
            assertThatExceptionOfType(RequestException.class)
                    .isThrownBy(() -> start(service, "y", "same"))
                    .withMessageContaining("\"same\" belongs to a request that is still running");
        }
        assertThat(service.openSequences()).isZero();
    }

    @Test
    void takesBackWhatWasSubmittedWhenTheQueueFillsUpHalfway() {
        var generator = new ScriptedGenerator(ScriptedGenerator.SILENT);
        generator.queueLimit = 2;
        var service = new TextService(model, generator);
        var four = SamplingFields.builder().n(4).build();
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> service.start(TextRequest.of("a", new Prompt.Text("x"), four)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.QUEUE_FULL));
        assertThat(generator.runningRequests()).isZero();
        assertThat(service.openSequences()).isZero();
    }

    @Test
    void abortsTheOthersWhenOneSequenceFails() {
        var generator = new ScriptedGenerator(request -> request.id().endsWith("#1")
                ? List.of(new GenerationEvent.Failed(new RequestException(ErrorCode.INTERNAL, "broken")))
                : List.of());
        var service = new TextService(model, generator);
        var three = SamplingFields.builder().n(3).build();
        try (TextStream stream = service.start(TextRequest.of("a", new Prompt.Text("x"), three))) {
            assertThatExceptionOfType(RequestException.class)
                    .isThrownBy(stream::collect)
                    .withMessage("broken");
        }
        assertThat(generator.runningRequests()).isZero();
    }

    @Test
    void makesADeltaForTheFirstTokenAndThenForEveryInterval() throws InterruptedException {
        int[] ids = tokenizer.encode("a b c d e f g h");
        var generator = ScriptedGenerator.answering(ids, new FinishReason.Length(ids.length));
        var service = new TextService(model, generator);
        var item = new TextRequest.Item("a", new Prompt.Text("x"), SamplingFields.NONE, Logprobs.NONE);
        var sizes = new ArrayList<Integer>();
        try (TextStream stream = service.start(new TextRequest(List.of(item), null, 0, "", 3))) {
            for (TextEvent event = stream.next(); event != null; event = stream.next()) {
                if (event instanceof TextEvent.Delta delta) {
                    sizes.add(delta.tokens().size());
                }
            }
        }
        assertThat(sizes).first().isEqualTo(1);
        assertThat(sizes.subList(1, sizes.size() - 1)).allMatch(size -> size == 3);
        assertThat(sizes.stream().mapToInt(Integer::intValue).sum()).isEqualTo(ids.length);
    }

    @Test
    void keepsToolMarksWhenToolsAreGiven() throws InterruptedException {
        Map<String, @Nullable Object> function = new LinkedHashMap<>();
        function.put("name", "get_weather");
        function.put("description", "Weather now");
        function.put("parameters", Map.of("type", "object"));
        Map<String, @Nullable Object> tool = new LinkedHashMap<>();
        tool.put("type", "function");
        tool.put("function", function);
        var generator = answering(THOUGHTS, NanoText.EOS);
        TextResult result = chat(generator, Map.of(), List.of(tool));
        assertThat(result.text()).isEqualTo(THOUGHTS);
        assertThat(tokenizer.decode(generator.submitted.getFirst().promptIds(), false))
                .contains("### get_weather\nDescription: Weather now");
    }

    @Test
    void refusesWhatTheServerCannotDo() {
        var service = new TextService(model, ScriptedGenerator.beginning());
        var item = new TextRequest.Item("a", new Prompt.Text("x"), SamplingFields.NONE, Logprobs.NONE);
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> service.start(new TextRequest(List.of(item), null, 5, "", 1)))
                .withMessageContaining("Using priority is disabled for this server.");
        var outside = SamplingFields.builder().stopTokenIds(Set.of(4096)).build();
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> service.start(TextRequest.of("b", new Prompt.Text("x"), outside)))
                .withMessageContaining("the vocabulary is [0, 4096)");
        var wordless = new TextService(NanoText.model(null, SamplingFields.NONE), ScriptedGenerator.beginning());
        assertThatExceptionOfType(RequestException.class)
                .isThrownBy(() -> start(wordless, "words"))
                .withMessageContaining("--skip-tokenizer-init");
    }

    private ScriptedGenerator answering(String text, int end) {
        int[] ids = tokenizer.encode(text);
        int[] ended = java.util.Arrays.copyOf(ids, ids.length + 1);
        ended[ids.length] = end;
        return ScriptedGenerator.answering(ended, new FinishReason.StopToken(end));
    }

    private TextResult chat(
            Generator generator, Map<String, @Nullable Object> variables, List<Map<String, @Nullable Object>> tools)
            throws InterruptedException {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        message.put("role", "user");
        message.put("content", "What is the capital of France?");
        var request = new ChatRequest(
                "a",
                List.of(message),
                tools,
                variables,
                false,
                SamplingFields.NONE,
                Logprobs.NONE,
                0,
                "",
                1,
                AnswerOptions.DEFAULT);
        return new TextService(model, generator).chat(request).collect().getFirst();
    }

    private static TextStream start(TextService service, String prompt) {
        return start(service, prompt, "id-" + System.nanoTime());
    }

    private static TextStream start(TextService service, String prompt, String id) {
        return service.start(TextRequest.of(id, new Prompt.Text(prompt), SamplingFields.NONE));
    }
}
