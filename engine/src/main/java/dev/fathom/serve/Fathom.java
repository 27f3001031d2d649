package dev.fathom.serve;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.text.answer.AnswerPart;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * A model in this process: the library's front door.
 *
 * <pre>{@code
 * try (Fathom fathom = Fathom.load(Path.of("/models/deepseek"))) {
 *   fathom.chat("What is the capital of Norway?", System.out::print);
 * }
 * }</pre>
 *
 * <p>All methods may be called from many threads at once; what runs together is computed together.
 */
public final class Fathom implements AutoCloseable {
    private final LoadedModel loaded;
    private final Engine engine;
    private final TextService text;
    private final AtomicLong requests = new AtomicLong();

    private Fathom(LoadedModel loaded, Engine engine, TextService text) {
        this.loaded = loaded;
        this.engine = engine;
        this.text = text;
    }

    /**
     * Loads a checkpoint folder.
     *
     * @throws dev.fathom.checkpoint.CheckpointException if it cannot be read, with the reason
     */
    public static Fathom load(Path folder) {
        return load(FathomOptions.of(folder));
    }

    /** Loads the small model that comes with the library. */
    public static Fathom embedded() {
        return load(FathomOptions.EMBEDDED);
    }

    public static Fathom load(FathomOptions options) {
        LoadedModel loaded = ModelLoader.load(options.load(), options.progress());
        boolean started = false;
        try {
            int tokens = options.maxTotalTokens() > 0
                    ? options.maxTotalTokens()
                    : Math.max(loaded.contextLength(), FathomOptions.LEAST_TOKENS);
            EngineConfig config = options.engine().apply(EngineConfig.defaults(tokens, loaded.endTokenIds()));
            SamplingFields defaults =
                    options.modelDefaults() ? SamplingFields.of(loaded.generationDefaults()) : SamplingFields.NONE;
            ServedModel model = ServedModel.of(
                    loaded, loaded.modelName(), loaded.modelPath(), defaults, config.priorityScheduling());
            Engine engine =
                    Engine.start(loaded.model(), loaded.kernels(), Communicator.single(), config, options.listener());
            started = true;
            return new Fathom(loaded, engine, new TextService(model, Generator.of(engine)));
        } finally {
            if (!started) {
                loaded.close();
            }
        }
    }

    /** Answers one message; {@code onText} gets the answer's content piece by piece, without reasoning. */
    public TextResult chat(String message, Consumer<String> onText) {
        return chat(List.of(ChatMessage.user(message)), SamplingFields.NONE, onText);
    }

    /**
     * Answers a conversation.
     *
     * @param sampling what is left open comes from the model's generation_config.json
     * @throws RequestException if the conversation cannot be answered; its message says why
     */
    public TextResult chat(List<ChatMessage> conversation, SamplingFields sampling, Consumer<String> onText) {
        return read(
                text.chat(ChatRequest.of(
                        nextId(),
                        conversation.stream().map(ChatMessage::forTemplate).toList(),
                        sampling)),
                onText);
    }

    /** Continues a text, without any chat template. */
    public TextResult complete(String prompt, SamplingFields sampling, Consumer<String> onText) {
        return read(text.start(TextRequest.of(nextId(), new Prompt.Text(prompt), sampling)), onText);
    }

    /** Everything a server offers: tools, template variables, batches, log-probabilities, abort. */
    public TextService text() {
        return text;
    }

    public ServedModel model() {
        return text.model();
    }

    public Engine engine() {
        return engine;
    }

    /** Ends what runs and gives the memory back. */
    @Override
    public void close() {
        engine.close();
        loaded.close();
    }

    private String nextId() {
        return "fathom-" + requests.incrementAndGet();
    }

    private static TextResult read(TextStream stream, Consumer<String> onText) {
        try (stream) {
            List<TextResult> results = stream.collect(delta -> delta.parts().forEach(part -> {
                if (part instanceof AnswerPart.Content content) {
                    onText.accept(content.text());
                }
            }));
            return results.getFirst();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RequestException(ErrorCode.ABORTED, "The thread was interrupted while it waited for an answer.");
        }
    }
}
