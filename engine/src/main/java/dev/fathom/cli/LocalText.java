package dev.fathom.cli;

import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.engine.EngineListener;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.Generator;
import dev.fathom.serve.Prompt;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextRequest;
import dev.fathom.serve.TextService;
import dev.fathom.serve.TextStream;
import dev.fathom.serve.Usage;
import dev.fathom.text.answer.AnswerPart;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The engine in this process as what answers conversations and continues prompts. */
final class LocalText implements ChatBackend {
    private static final Duration WARM_UP = Duration.ofSeconds(5);

    private final LocalEngine local;
    private final TextService text;
    private final AtomicInteger requests = new AtomicInteger();

    private LocalText(LocalEngine local, TextService text) {
        this.local = local;
        this.text = text;
    }

    /** Loads and starts. */
    static LocalText start(ModelFlags flags, Environment environment, Terminal terminal) throws InterruptedException {
        return start(options(flags, environment, terminal), flags, terminal);
    }

    /** Loads, starts, and compiles the kernels while the user reads and types. */
    static LocalText startWarmingUp(ModelFlags flags, Environment environment, Terminal terminal)
            throws InterruptedException {
        LoadOptions options = options(flags, environment, terminal);
        Rehearsal rehearsal = Rehearsal.start(options, flags.kvFormat(), WARM_UP);
        LocalText text = start(options, flags, terminal);
        Thread.ofPlatform().name("fathom-warm-up").daemon(true).start(() -> text.warmUp(rehearsal));
        return text;
    }

    private static LoadOptions options(ModelFlags flags, Environment environment, Terminal terminal)
            throws InterruptedException {
        flags.kvFormat();
        flags.maxTotalTokens();
        return flags.fetched(flags.options(environment, false), environment, terminal);
    }

    private static LocalText start(LoadOptions options, ModelFlags flags, Terminal terminal) {
        LoadedModel loaded = LocalEngine.load(options, flags, terminal);
        SchedulerFlags scheduler = new SchedulerFlags();
        LocalEngine local = LocalEngine.start(loaded, flags, scheduler, EngineListener.none());
        TextService text = new TextService(
                local.served(
                        loaded.modelName(), loaded.modelPath(), SamplingFields.of(loaded.generationDefaults()), false),
                Generator.of(local.engine()));
        return new LocalText(local, text);
    }

    /** An answer that begins meanwhile shares the engine with it. */
    private void warmUp(Rehearsal rehearsal) {
        try {
            rehearsal.ended(WARM_UP);
            WarmUp.run(local, WARM_UP, (share, decodeRate, prefillRate) -> {});
        } catch (RequestException e) {
            return; // the session ended first
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public Answer answer(List<Message> messages, Settings settings, Cancellation cancellation, Sink sink)
            throws InterruptedException {
        List<Map<String, @Nullable Object>> list = messages.stream()
                .map(message -> {
                    Map<String, @Nullable Object> map = new LinkedHashMap<>();
                    map.put("role", message.role());
                    map.put("content", message.content());
                    return map;
                })
                .toList();
        ChatRequest request = ChatRequest.of(nextId(), list, SamplingFlags.fields(settings))
                .withTemplateVariables(settings.templateVariables());
        return read(() -> text.chat(request), cancellation, sink);
    }

    /** Continues a prompt as it is. */
    Answer complete(String prompt, Settings settings, Cancellation cancellation, Sink sink)
            throws InterruptedException {
        TextRequest request = TextRequest.of(nextId(), new Prompt.Text(prompt), SamplingFlags.fields(settings));
        return read(() -> text.start(request), cancellation, sink);
    }

    private String nextId() {
        return "local-" + requests.getAndIncrement();
    }

    private static Answer read(java.util.function.Supplier<TextStream> start, Cancellation cancellation, Sink sink)
            throws InterruptedException {
        long began = System.nanoTime();
        long first = 0;
        var answer = new dev.fathom.text.answer.Answer.Builder();
        try (TextStream stream = start.get()) {
            cancellation.onCancel(stream::abort);
            for (TextEvent event = stream.next(); event != null; event = stream.next()) {
                switch (event) {
                    case TextEvent.Delta delta -> {
                        first = first == 0 ? System.nanoTime() : first;
                        answer.add(delta.parts());
                        delta.parts().forEach(part -> print(part, sink));
                    }
                    case TextEvent.Finished finished -> {
                        Usage usage = finished.usage();
                        dev.fathom.text.answer.Answer parts = answer.build();
                        return new Answer(
                                parts.content(),
                                parts.reasoning(),
                                usage.promptTokens(),
                                usage.cachedTokens(),
                                usage.completionTokens(),
                                first == 0 ? 0 : (first - began) / 1e9,
                                (System.nanoTime() - began) / 1e9,
                                reason(finished.reason()));
                    }
                    case TextEvent.Failed failed -> throw failed.error();
                }
            }
        }
        throw new IllegalStateException("the answer ended without its closing event");
    }

    private static void print(AnswerPart part, Sink sink) {
        switch (part) {
            case AnswerPart.Reasoning reasoning -> sink.reasoning(reasoning.text());
            case AnswerPart.Content content -> sink.text(content.text());
            case AnswerPart.CallBegin begin -> {} // no conversation of ours has tools
            case AnswerPart.CallArguments more -> {}
            case AnswerPart.CallEnd end -> {}
            case AnswerPart.CallDropped dropped -> {}
        }
    }

    private static String reason(FinishReason reason) {
        return switch (reason) {
            case FinishReason.Length length -> "length";
            case FinishReason.StopToken token -> "stop";
            case FinishReason.StopString string -> "stop";
            case FinishReason.Aborted aborted -> "abort";
        };
    }

    @Override
    public String description() {
        return local.loaded().modelName() + " on " + local.loaded().kernels().description();
    }

    @Override
    public void close() {
        local.close();
    }
}
