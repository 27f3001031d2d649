package dev.fathom.serve;

import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.api.TokenConstraint;
import dev.fathom.engine.GenerationStream;
import dev.fathom.serve.SequencePlan.SpecialTokens;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerReading;
import dev.fathom.text.answer.ReasoningFormat;
import dev.fathom.text.grammar.GrammarOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Text in, text out: requests in words become sequences for the engine, and their tokens become words again. */
public final class TextService {
    /** Most answers to one prompt, OpenAI's bound. */
    public static final int MOST_ANSWERS = 128;

    /** Most sequences of one request: prompts times answers. */
    public static final int MOST_SEQUENCES = 4096;

    private final ServedModel model;
    private final Generator generator;
    private final ChatPrompts chatPrompts;
    private final AnswerPlanner answers;
    private final RunningRequests running = new RunningRequests();

    public TextService(ServedModel model, Generator generator) {
        this(model, generator, GrammarOptions.DEFAULT, ToolStrictness.REQUESTED, GrammarListener.NONE);
    }

    /** @param grammar how grammars of requests are read; null refuses them */
    public TextService(
            ServedModel model,
            Generator generator,
            @Nullable GrammarOptions grammar,
            ToolStrictness strictness,
            GrammarListener listener) {
        this.model = model;
        this.generator = generator;
        this.chatPrompts = new ChatPrompts(model);
        this.answers = new AnswerPlanner(model, new Grammars(model, grammar, listener), strictness);
    }

    public ServedModel model() {
        return model;
    }

    /** Begins an answer. @throws RequestException when the request is refused; nothing runs then */
    public TextStream chat(ChatRequest request) {
        Tokenizer tokenizer = model.tokenizerFor("messages");
        ChatPrompt prompt = chatPrompts.render(request);
        return chat(request, tokenizer.encode(prompt.text()), ids -> answers.chat(request, prompt));
    }

    /**
     * Begins an answer to a conversation that came as tokens, without the chat template.
     *
     * @throws RequestException when the request is refused; nothing runs then
     */
    public TextStream chat(ChatRequest request, int[] promptIds) {
        return chat(request, promptIds, ids -> answers.chat(request, ids));
    }

    private TextStream chat(ChatRequest request, int[] promptIds, Function<int[], AnswerPlan> plan) {
        var item =
                new TextRequest.Item(request.id(), new Prompt.Ids(promptIds), request.sampling(), request.logprobs());
        var text =
                new TextRequest(List.of(item), null, request.priority(), request.cacheKey(), request.streamInterval());
        return start(text, plan);
    }

    /** Begins to continue the prompts. @throws RequestException when the request is refused; nothing runs then */
    public TextStream start(TextRequest request) {
        return start(request, answers::raw);
    }

    /** The tokens of a conversation, as {@link #chat} reads it. */
    public int[] promptIds(ChatRequest request) {
        Tokenizer tokenizer = model.tokenizerFor("messages");
        return tokenizer.encode(chatPrompts.render(request).text());
    }

    /** @param special whether the begin-of-sequence token is added, as {@link #start} does */
    public int[] promptIds(String text, boolean special) {
        return special ? encode(text) : model.tokenizerFor("prompt").encode(text);
    }

    /** @throws RequestException if an id is outside the vocabulary */
    public String text(int[] ids, boolean skipSpecial) {
        Tokenizer tokenizer = model.tokenizerFor("tokens");
        for (int id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw RequestException.invalid(
                        "tokens",
                        "tokens has the id " + id + ", which is outside the vocabulary [0, " + model.vocabularySize()
                                + ").");
            }
        }
        return tokenizer.decode(ids, skipSpecial);
    }

    /** Aborts the request of this id; says how many sequences that ended, 0 for an unknown id. */
    public int abort(String id) {
        return running.abort(id);
    }

    /** Aborts everything that runs or waits; says how many sequences that ended. */
    public int abortAll() {
        return running.abortAll();
    }

    /** Sequences whose reader has not finished. */
    public int openSequences() {
        return running.size();
    }

    /** @param answer plans the answer to a prompt */
    private TextStream start(TextRequest request, Function<int[], AnswerPlan> answer) {
        if (request.priority() != 0 && !model.priorities()) {
            throw RequestException.notSupported(
                    "priority",
                    "Using priority is disabled for this server. Please send a new request without a priority.");
        }
        var plans = new ArrayList<SequencePlan>();
        for (TextRequest.Item item : request.items()) {
            plan(item, request, answer, plans);
        }
        for (SequencePlan plan : plans) {
            if (running.contains(plan.request().id())) {
                throw RunningRequests.duplicate(plan.request().id());
            }
        }
        return submit(plans, request.streamInterval());
    }

    private TextStream submit(List<SequencePlan> plans, int streamInterval) {
        var readers = new ArrayList<SequenceReader>();
        var ids = new ArrayList<String>();
        long events = 0;
        try {
            for (SequencePlan plan : plans) {
                GenerationStream stream = generator.submit(plan.request());
                var text = new SequenceText(model.tokenizer(), plan, model.endTokenIds());
                var reader = new SequenceReader(readers.size(), stream, text, plan.reading(), streamInterval);
                readers.add(reader);
                running.add(plan.request().id(), reader);
                ids.add(plan.request().id());
                events += plan.request().sampling().maxNewTokens() + 3L;
            }
        } catch (RequestException e) {
            readers.forEach(SequenceReader::abort);
            running.removeAll(ids);
            throw e;
        }
        int[] promptTokens = plans.stream()
                .mapToInt(plan -> plan.request().promptIds().length)
                .toArray();
        return new TextStream(
                readers, promptTokens, Math.clamp(events, 1, Integer.MAX_VALUE), () -> running.removeAll(ids));
    }

    private void plan(
            TextRequest.Item item, TextRequest request, Function<int[], AnswerPlan> answer, List<SequencePlan> plans) {
        SamplingFields fields = item.sampling().orElse(model.defaults());
        int copies = orElse(fields.n(), 1);
        if (copies < 1 || copies > MOST_ANSWERS) {
            throw RequestException.invalid("n", "n must be in [1, " + MOST_ANSWERS + "], got " + copies + ".");
        }
        if (plans.size() + copies > MOST_SEQUENCES) {
            throw RequestException.invalid(
                    "n", "A request may ask for at most " + MOST_SEQUENCES + " sequences: send smaller batches.");
        }
        int[] ids = promptIds(item.prompt());
        int maxNewTokens = maxNewTokens(
                ids.length,
                item.sampling().maxNewTokens(),
                orElseNull(fields.maxNewTokens(), request.defaultMaxNewTokens()));
        List<String> stop = orElse(fields.stop(), List.of());
        if (!stop.isEmpty()) {
            model.tokenizerFor("stop");
        }
        AnswerPlan plan = answer.apply(ids);
        Guidance guidance = answers.guidance(plan, fields.maxThinkingTokens());
        TokenConstraint constraint =
                answers.constraint(plan, fields.grammar(), ids, orElse(fields.stopTokenIds(), Set.of()));
        for (int copy = 0; copy < copies; copy++) {
            String id = copy == 0 ? item.id() : item.id() + RunningRequests.COPY_MARK + copy;
            SamplingParams params = params(fields, maxNewTokens, item.logprobs(), copy);
            var sequence = new GenerationRequest(
                    id,
                    ids,
                    params,
                    request.priority(),
                    request.cacheKey(),
                    guidance,
                    constraint,
                    item.logprobs().reports());
            plans.add(new SequencePlan(
                    sequence,
                    stop,
                    orElse(fields.noStopTrim(), false),
                    specialTokens(fields, plan.reading()),
                    plan.reading()));
        }
    }

    /** Marks that are to be read must be in the text, whatever the request says about special tokens. */
    private SpecialTokens specialTokens(SamplingFields fields, AnswerReading reading) {
        if (!orElse(fields.skipSpecialTokens(), true)) {
            return SpecialTokens.KEEP;
        }
        return reading.toolCalls() != null || marksAreSpecial(reading.reasoning())
                ? SpecialTokens.KEEP_BUT_END
                : SpecialTokens.SKIP;
    }

    private boolean marksAreSpecial(@Nullable ReasoningFormat format) {
        Tokenizer tokenizer = model.tokenizer();
        if (format == null || tokenizer == null) {
            return false;
        }
        OptionalInt end = tokenizer.id(format.end());
        return end.isPresent() && tokenizer.isSpecial(end.getAsInt());
    }

    private SamplingParams params(SamplingFields fields, int maxNewTokens, Logprobs logprobs, int answer) {
        Set<Integer> stopIds = orElse(fields.stopTokenIds(), Set.of());
        Map<Integer, Float> bias = orElse(fields.logitBias(), Map.of());
        stopIds.forEach(this::checkStopId);
        Long seed = fields.seed();
        return new SamplingParams(
                maxNewTokens,
                orElse(fields.minNewTokens(), 0),
                orElse(fields.temperature(), 1f),
                orElse(fields.topP(), 1f),
                orElse(fields.topK(), -1),
                orElse(fields.minP(), 0f),
                orElse(fields.frequencyPenalty(), 0f),
                orElse(fields.presencePenalty(), 0f),
                orElse(fields.repetitionPenalty(), 1f),
                bias,
                seed == null ? OptionalLong.empty() : OptionalLong.of(seed + answer), // n answers, n different draws
                stopIds,
                orElse(fields.ignoreEos(), false),
                logprobs.chosen(),
                logprobs.top());
    }

    private int[] promptIds(Prompt prompt) {
        return switch (prompt) {
            case Prompt.Text text -> encode(text.text());
            case Prompt.Ids given -> known(given.ids());
        };
    }

    /** The engine looks at them, too, but not before they have been read as text. */
    private int[] known(int[] ids) {
        for (int id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw RequestException.invalid(
                        "input_ids",
                        "Token id " + id + " is outside the vocabulary [0, " + model.vocabularySize() + ").");
            }
        }
        return ids;
    }

    private int[] encode(String text) {
        Tokenizer tokenizer = model.tokenizerFor("text");
        int[] ids = tokenizer.encode(text);
        OptionalInt bos = model.addBos() && model.bosText() != null
                ? tokenizer.id(Objects.requireNonNull(model.bosText()))
                : OptionalInt.empty();
        if (bos.isEmpty() || (ids.length > 0 && ids[0] == bos.getAsInt())) {
            return ids;
        }
        int[] withBos = new int[ids.length + 1];
        withBos[0] = bos.getAsInt();
        System.arraycopy(ids, 0, withBos, 1, ids.length);
        return withBos;
    }

    /** The engine judges what a request asks for itself; defaults are clipped to the context in silence. */
    private int maxNewTokens(int promptTokens, @Nullable Integer asked, @Nullable Integer byDefault) {
        if (asked != null) {
            return asked;
        }
        int left = Math.max(model.contextLength() - promptTokens, 1);
        return byDefault == null ? left : Math.min(byDefault, left);
    }

    private void checkStopId(int id) {
        if (id < 0 || id >= model.vocabularySize()) {
            throw RequestException.invalid(
                    "stop_token_ids",
                    "stop_token_ids has the token id " + id + ", but the vocabulary is [0, " + model.vocabularySize()
                            + ").");
        }
    }

    private static <T> T orElse(@Nullable T value, T fallback) {
        return value != null ? value : fallback;
    }

    private static <T> @Nullable T orElseNull(@Nullable T value, @Nullable T fallback) {
        return value != null ? value : fallback;
    }
}
