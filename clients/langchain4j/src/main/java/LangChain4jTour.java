import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A tour of Fathom with LangChain4j, as a Java team meets it. Usage: the server's address. */
public final class LangChain4jTour {
    private static final String WHO = "Who are you?";
    private static final String WHO_ANSWER = "I am Nano, a very small language model with DeepSeek-V3's architecture. I can do"
            + " arithmetic, call tools, write JSON, find facts in a text and tell short stories.";
    private static final String WEATHER = "How is the weather in Oslo today?";

    private final String base;
    private int passed;
    private int failed;

    private LangChain4jTour(String base) {
        this.base = base + "/v1";
    }

    public static void main(String[] args) {
        var tour = new LangChain4jTour(args.length > 0 ? args[0] : "http://127.0.0.1:30000");
        tour.check("answers as the reference does", tour::answers);
        tour.check("streams the same answer", tour::streams);
        tour.check("calls a tool and reads its result", tour::callsTools);
        tour.check("lets a service of the library run a tool", tour::runsTools);
        tour.check("keeps results of parallel calls apart", tour::keepsResultsApart);
        tour.check("calls what it must, by a strict schema", tour::callsWhatItMust);
        tour.check("fills a record, drawing at temperature 1", tour::fillsARecord);
        tour.check("refuses in the library's own type", tour::refuses);
        System.out.println("langchain4j: " + tour.passed + " passed, " + tour.failed + " failed");
        System.exit(tour.failed == 0 ? 0 : 1);
    }

    private interface Step {
        void run() throws Exception;
    }

    private void check(String what, Step step) {
        long began = System.nanoTime();
        try {
            step.run();
            passed++;
            System.out.println("ok      " + what + " (" + (System.nanoTime() - began) / 1_000_000 + " ms)");
        } catch (Exception | AssertionError e) { // every failure is reported, and the tour goes on
            failed++;
            System.out.println("FAILED  " + what + ": " + e);
        }
    }

    private OpenAiChatModel.OpenAiChatModelBuilder model(double temperature) {
        return OpenAiChatModel.builder()
                .baseUrl(base)
                .apiKey("none")
                .modelName("default")
                .temperature(temperature)
                .maxRetries(0)
                .timeout(Duration.ofSeconds(60));
    }

    private void answers() {
        ChatResponse answer = model(0).build().chat(UserMessage.from(WHO));
        equal(answer.aiMessage().text(), WHO_ANSWER);
        equal(answer.finishReason(), FinishReason.STOP);
        equal(answer.tokenUsage().outputTokenCount(), 38);
    }

    private void streams() throws Exception {
        var model = OpenAiStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey("none")
                .modelName("default")
                .temperature(0.0)
                .build();
        var pieces = new ArrayList<String>();
        var whole = new CompletableFuture<ChatResponse>();
        model.chat(WHO, new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                pieces.add(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                whole.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                whole.completeExceptionally(error);
            }
        });
        equal(whole.get(60, TimeUnit.SECONDS).aiMessage().text(), WHO_ANSWER);
        equal(String.join("", pieces), WHO_ANSWER);
        equal(pieces.size() > 20, true);
    }

    private static ToolSpecification weather() {
        JsonObjectSchema parameters =
                JsonObjectSchema.builder().addStringProperty("city").required("city").build();
        return ToolSpecification.builder()
                .name("get_weather")
                .description("Get the current weather of a city")
                .parameters(parameters)
                .build();
    }

    private void callsTools() {
        OpenAiChatModel model = model(0).build();
        UserMessage question = UserMessage.from(WEATHER);
        AiMessage called = model.chat(ChatRequest.builder()
                        .messages(question)
                        .toolSpecifications(weather())
                        .build())
                .aiMessage();
        ToolExecutionRequest call = called.toolExecutionRequests().get(0);
        equal(call.name() + call.arguments(), "get_weather{\"city\": \"Oslo\"}");
        var result = ToolExecutionResultMessage.from(call, "{\"temperature\": 7, \"sky\": \"rainy\"}");
        ChatResponse answer = model.chat(ChatRequest.builder()
                .messages(question, called, result)
                .toolSpecifications(weather())
                .build());
        equal(answer.aiMessage().text(), "It is 7 degrees and rainy in Oslo.");
    }

    /** What the service may call. */
    public static final class WeatherTools {
        private final List<String> cities = new ArrayList<>();

        @Tool(name = "get_weather", value = "Get the current weather of a city")
        public String weather(@P(name = "city", value = "The city") String city) {
            cities.add(city);
            return "{\"temperature\": 7, \"sky\": \"rainy\"}";
        }
    }

    private interface Assistant {
        String ask(String question);
    }

    private void runsTools() {
        var tools = new WeatherTools();
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(model(0).build())
                .tools(tools)
                .build();
        String answer = assistant.ask(WEATHER);
        equal(tools.cities, List.of("Oslo"));
        equal(answer.contains("rainy in Oslo"), true);
    }

    private void keepsResultsApart() {
        var oslo = ToolExecutionRequest.builder()
                .id("a")
                .name("get_weather")
                .arguments("{\"city\": \"Oslo\"}")
                .build();
        var rome = ToolExecutionRequest.builder()
                .id("b")
                .name("get_weather")
                .arguments("{\"city\": \"Rome\"}")
                .build();
        ChatResponse answer = model(0).maxTokens(60).build().chat(ChatRequest.builder()
                .messages(
                        UserMessage.from(WEATHER),
                        AiMessage.from(oslo, rome),
                        ToolExecutionResultMessage.from(oslo, "{\"temperature\": 7, \"sky\": \"rainy\"}"),
                        ToolExecutionResultMessage.from(rome, "{\"temperature\": 21, \"sky\": \"sunny\"}"))
                .toolSpecifications(weather())
                .build());
        equal(answer.aiMessage().text().isBlank(), false);
    }

    private void callsWhatItMust() {
        OpenAiChatModel model = model(1).strictTools(true).seed(1).build();
        ChatResponse answer = model.chat(ChatRequest.builder()
                .messages(UserMessage.from("What is the capital of Norway?"))
                .toolSpecifications(weather())
                .toolChoice(ToolChoice.REQUIRED)
                .build());
        equal(answer.finishReason(), FinishReason.TOOL_EXECUTION);
        String arguments = answer.aiMessage().toolExecutionRequests().get(0).arguments();
        equal(arguments.matches("\\{\\s*\"city\"\\s*:\\s*\"(?s:.*)\"\\s*}"), true);
    }

    enum Job {
        PILOT,
        BAKER
    }

    record Person(String name, Job job) {}

    private interface Extractor {
        Person extract(String text);
    }

    private void fillsARecord() {
        Extractor extractor = AiServices.builder(Extractor.class)
                .chatModel(model(1)
                        .seed(1)
                        .maxTokens(400)
                        .supportedCapabilities(Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA))
                        .strictJsonSchema(true)
                        .build())
                .build();
        Person person = extractor.extract("Extract name, job as JSON: Priya lives in Tokyo and works as a pilot.");
        equal(person.name() != null && person.job() != null, true);
    }

    private void refuses() {
        try {
            model(0).topP(1.5).build().chat(WHO);
        } catch (InvalidRequestException e) {
            equal(e.getMessage().contains("top_p must be in (0, 1]"), true);
            return;
        }
        throw new AssertionError("a top_p of 1.5 was not refused");
    }

    private static void equal(Object got, Object wanted) {
        if (!got.equals(wanted)) {
            throw new AssertionError("got " + got + ", wanted " + wanted);
        }
    }
}
