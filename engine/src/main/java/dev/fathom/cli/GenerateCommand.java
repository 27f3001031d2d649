package dev.fathom.cli;

import dev.fathom.api.RequestException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Prompts in, text or JSON lines out. */
@Command(
        name = "generate",
        description = "Continues a prompt, or answers it with --chat, and ends.",
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom generate --chat --prompt \"What is the capital of Norway?\" --temperature 0",
            "  fathom generate --file story.txt --max-tokens 200",
            "  fathom generate --jsonl --file prompts.jsonl > answers.jsonl",
            "    with a line for each prompt: {\"id\": 1, \"prompt\": \"Once upon a time\"}"
        })
final class GenerateCommand implements Callable<Integer> {
    /** More than the engine runs at a time, so that it never waits for a prompt. */
    private static final int LINES_AHEAD = 256;

    private final Terminal terminal;
    private final Environment environment;
    private final JsonMapper json = new JsonMapper();

    @Mixin
    private ModelFlags model = new ModelFlags();

    @Mixin
    private SamplingFlags sampling = new SamplingFlags();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What to continue. Default: --file, or the input.")
    private @Nullable String prompt;

    @Option(names = "--file", paramLabel = "FILE", description = "A file with the prompt, or with --jsonl the prompts.")
    private @Nullable Path file;

    @Option(names = "--chat", description = "The prompt is a user's message, and the answer an assistant's.")
    private boolean chat;

    @Option(names = "--system", paramLabel = "TEXT", description = "With --chat: the system message.")
    private @Nullable String system;

    @Option(names = "--json", description = "Print a JSON object with the text and its figures.")
    private boolean asJson;

    @Option(
            names = "--jsonl",
            description =
                    "Read a JSON object with a prompt from each line; its other fields come back with the answer.")
    private boolean jsonLines;

    GenerateCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (prompt != null && (file != null || jsonLines)) {
            throw CliException.usage("--prompt leaves no use for --file or --jsonl.");
        }
        if (system != null && !chat) {
            throw CliException.usage("--system needs --chat.");
        }
        try (Reader input = input();
                LocalText text = LocalText.start(model, environment, terminal)) {
            if (jsonLines) {
                return lines(new BufferedReader(input), text);
            }
            String whole = prompt != null ? prompt : input.readAllAsString();
            one(whole, text);
            return 0;
        }
    }

    /** Opened before the model is loaded, because it may not be there. */
    private Reader input() {
        if (prompt != null) {
            return Reader.nullReader();
        }
        if (file == null) {
            return new InputStreamReader(terminal.in(), StandardCharsets.UTF_8);
        }
        try {
            return Files.newBufferedReader(file);
        } catch (IOException e) {
            throw CliException.failure("The file " + file + " cannot be read: " + e);
        }
    }

    private void one(String whole, LocalText text) throws InterruptedException {
        if (asJson) {
            terminal.out().println(json.writeValueAsString(answer(whole, json.createObjectNode(), text)));
            return;
        }
        AnswerPrinter printer = new AnswerPrinter(terminal);
        ChatBackend.Answer answer = generate(whole, text, printer);
        printer.end();
        terminal.err().println(ChatTotals.line(answer));
    }

    /**
     * Many lines at a time, so that they share the engine's steps, and their answers in order. A line that fails is
     * answered with its error, and the rest goes on.
     */
    private int lines(BufferedReader input, LocalText text) throws IOException, InterruptedException {
        JsonLines answers = new JsonLines(terminal);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Deque<Future<ObjectNode>> ahead = new ArrayDeque<>();
            int number = 0;
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                number++;
                if (line.isBlank()) {
                    continue;
                }
                String prompt = line;
                int at = number;
                ahead.add(threads.submit(() -> answerLine(prompt, at, text)));
                if (ahead.size() == LINES_AHEAD) {
                    answers.add(wait(ahead.removeFirst()));
                }
            }
            while (!ahead.isEmpty()) {
                answers.add(wait(ahead.removeFirst()));
            }
        }
        answers.end();
        return 0;
    }

    private static ObjectNode wait(Future<ObjectNode> answer) throws InterruptedException {
        try {
            return answer.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private ObjectNode answerLine(String line, int number, LocalText text) throws InterruptedException {
        ObjectNode output = json.createObjectNode();
        try {
            return answer(promptOf(line, number, output), output, text);
        } catch (RequestException | CliException e) {
            return output.put(JsonLines.ERROR, e.getMessage());
        }
    }

    private String promptOf(String line, int number, ObjectNode output) {
        JsonNode node;
        try {
            node = json.readTree(line);
        } catch (JacksonException e) {
            throw CliException.failure("line " + number + " is not JSON: " + e.getOriginalMessage());
        }
        if (!node.path("prompt").isString()) {
            throw CliException.failure("line " + number + " needs \"prompt\", a text");
        }
        node.properties().stream()
                .filter(field -> !field.getKey().equals("prompt"))
                .forEach(field -> output.set(field.getKey(), field.getValue()));
        return node.path("prompt").asString();
    }

    private ObjectNode answer(String whole, ObjectNode output, LocalText text) throws InterruptedException {
        ChatBackend.Answer answer = generate(whole, text, ChatBackend.Sink.NONE);
        if (!answer.reasoning().isEmpty()) {
            output.put("reasoning", answer.reasoning());
        }
        return output.put("text", answer.text())
                .put("finish_reason", answer.finishReason())
                .put("prompt_tokens", answer.promptTokens())
                .put("cached_tokens", answer.cachedTokens())
                .put("completion_tokens", answer.tokens())
                .put("first_token_seconds", answer.firstTokenSeconds())
                .put("seconds", answer.seconds());
    }

    private ChatBackend.Answer generate(String whole, LocalText text, ChatBackend.Sink sink)
            throws InterruptedException {
        Cancellation never = new Cancellation();
        if (!chat) {
            return text.complete(whole, sampling.settings(), never, sink);
        }
        ChatBackend.Message user = new ChatBackend.Message("user", whole.strip());
        List<ChatBackend.Message> messages =
                system == null ? List.of(user) : List.of(new ChatBackend.Message("system", system), user);
        return text.answer(messages, sampling.settings(), never, sink);
    }
}
