package dev.fathom.cli;

import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Talks to a running server over OpenAI's chat completions. */
final class RemoteChat implements ChatBackend {
    private final ServerClient client;
    private final String model;

    RemoteChat(ServerClient client) throws InterruptedException {
        this.client = client;
        this.model = client.get("/v1/models").path("data").path(0).path("id").asString("default");
    }

    @Override
    public Answer answer(List<Message> messages, Settings settings, Cancellation cancellation, Sink sink)
            throws InterruptedException {
        Reading reading = new Reading(sink);
        client.stream("/v1/chat/completions", body(messages, settings), cancellation, reading::event);
        return reading.answer(cancellation.isCancelled());
    }

    private ObjectNode body(List<Message> messages, Settings settings) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.put("model", model).put("stream", true);
        body.putObject("stream_options").put("include_usage", true);
        ArrayNode list = body.putArray("messages");
        for (Message message : messages) {
            list.addObject().put("role", message.role()).put("content", message.content());
        }
        if (settings.thinking() != null) {
            body.putObject("chat_template_kwargs").put("thinking", settings.thinking());
        }
        if (settings.maxTokens() != null) {
            body.put("max_tokens", settings.maxTokens());
        }
        if (settings.temperature() != null) {
            body.put("temperature", settings.temperature());
        }
        if (settings.topP() != null) {
            body.put("top_p", settings.topP());
        }
        if (settings.topK() != null) {
            body.put("top_k", settings.topK());
        }
        if (settings.seed() != null) {
            body.put("seed", settings.seed());
        }
        return body;
    }

    /** What has arrived of one answer. */
    private static final class Reading {
        private final Sink sink;
        private final StringBuilder reasoning = new StringBuilder();
        private final StringBuilder text = new StringBuilder();
        private final long began = System.nanoTime();
        private double firstToken;
        private int deltas;
        private int promptTokens;
        private int cachedTokens;
        private int tokens;
        private String finishReason = "stop";

        Reading(Sink sink) {
            this.sink = sink;
        }

        void event(JsonNode event) {
            JsonNode choice = event.path("choices").path(0);
            String thought = choice.path("delta").path("reasoning_content").asString("");
            String delta = choice.path("delta").path("content").asString("");
            if (!(thought.isEmpty() && delta.isEmpty()) && deltas++ == 0) {
                firstToken = seconds();
            }
            if (!thought.isEmpty()) {
                reasoning.append(thought);
                sink.reasoning(thought);
            }
            if (!delta.isEmpty()) {
                text.append(delta);
                sink.text(delta);
            }
            finishReason = choice.path("finish_reason").asString(finishReason);
            JsonNode usage = event.path("usage");
            promptTokens = usage.path("prompt_tokens").asInt(promptTokens);
            tokens = usage.path("completion_tokens").asInt(tokens);
            cachedTokens =
                    usage.path("prompt_tokens_details").path("cached_tokens").asInt(cachedTokens);
        }

        /** A cancelled answer has no usage; its deltas are counted instead. */
        Answer answer(boolean cancelled) {
            int generated = tokens > 0 ? tokens : deltas;
            String reason = cancelled ? "abort" : finishReason;
            return new Answer(
                    text.toString(),
                    reasoning.toString(),
                    promptTokens,
                    cachedTokens,
                    generated,
                    firstToken,
                    seconds(),
                    reason);
        }

        private double seconds() {
            return (System.nanoTime() - began) / 1e9;
        }
    }

    @Override
    public String description() {
        return model + " at " + client.baseUrl();
    }

    @Override
    public void close() {
        client.close();
    }
}
