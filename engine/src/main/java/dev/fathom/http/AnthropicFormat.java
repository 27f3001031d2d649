package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.http.AnswerBlocks.Block;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import dev.fathom.serve.Usage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/messages}: the answer, in Anthropic's blocks and events. */
final class AnthropicFormat implements AnswerFormat, AnswerBlocks.Listener {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final String id;
    private final String model;
    private final boolean cacheReport;
    private final TextStream answer;
    private final AnswerBlocks blocks = new AnswerBlocks(this);
    private final List<JsonNode> frames = new ArrayList<>();
    private boolean begun;
    private boolean failed;

    /** @param cacheReport whether usage tells cached prompt tokens from the others */
    AnthropicFormat(String id, String model, boolean cacheReport, TextStream answer) {
        this.id = id;
        this.model = model;
        this.cacheReport = cacheReport;
        this.answer = answer;
    }

    @Override
    public boolean named() {
        return true;
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        begin();
        blocks.add(delta.parts());
        return takeFrames();
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        if (finished.reason() instanceof FinishReason.Aborted aborted) {
            return failed(new RequestException(ErrorCode.ABORTED, aborted.message()));
        }
        begin();
        blocks.end();
        ObjectNode frame = frame("message_delta");
        end(frame.putObject("delta"), finished.reason(), finished.callsTools());
        frame.set("usage", usage(finished.usage()));
        return takeFrames();
    }

    @Override
    public List<JsonNode> closing() {
        if (!failed) {
            frame("message_stop");
        }
        return takeFrames();
    }

    @Override
    public List<JsonNode> failed(RequestException error) {
        failed = true;
        return List.of(ErrorReply.anthropic(error.code().httpStatus(), String.valueOf(error.getMessage())));
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        TextResult result = results.getFirst();
        if (result.reason() instanceof FinishReason.Aborted aborted) {
            throw new RequestException(ErrorCode.ABORTED, aborted.message());
        }
        ObjectNode message = message();
        ArrayNode content = message.putArray("content");
        for (Block block : AnswerBlocks.of(result.answer())) {
            ObjectNode node = block(block, block.text());
            if (block.kind() == AnswerBlocks.Kind.CALL) {
                node.set("input", JsonMapper.shared().readTree(block.text()));
            }
            content.add(node);
        }
        end(message, result.reason(), result.callsTools());
        message.set("usage", usage(result.usage()));
        return message;
    }

    @Override
    public void opened(Block block) {
        ObjectNode frame = frame("content_block_start", block);
        frame.set("content_block", block(block, ""));
        if (block.index() == 0) {
            frame("ping"); // there Anthropic's own server sends it
        }
    }

    @Override
    public void grew(Block block, String more) {
        ObjectNode delta = frame("content_block_delta", block).putObject("delta");
        switch (block.kind()) {
            case REASONING -> delta.put("type", "thinking_delta").put("thinking", more);
            case TEXT -> delta.put("type", "text_delta").put("text", more);
            case CALL -> delta.put("type", "input_json_delta").put("partial_json", more);
        }
    }

    @Override
    public void closed(Block block) {
        frame("content_block_stop", block);
    }

    private void begin() {
        if (!begun) {
            begun = true;
            ObjectNode message = message();
            message.putArray("content");
            message.putNull("stop_reason").putNull("stop_sequence");
            message.set("usage", usage(new Usage(answer.promptTokens(0), 0, answer.cachedTokens(0), 0)));
            frame("message_start").set("message", message);
        }
    }

    private ObjectNode message() {
        return JSON.objectNode()
                .put("id", id)
                .put("type", "message")
                .put("role", "assistant")
                .put("model", model);
    }

    /** A block as it begins; of reasoning and text also as it ends. */
    private static ObjectNode block(Block block, String text) {
        ObjectNode node = JSON.objectNode();
        switch (block.kind()) {
            case REASONING -> node.put("type", "thinking").put("thinking", text).put("signature", "");
            case TEXT -> node.put("type", "text").put("text", text);
            case CALL -> {
                node.put("type", "tool_use").put("id", OpenAiFields.newId("toolu_"));
                node.put("name", block.function()).putObject("input");
            }
        }
        return node;
    }

    private static void end(ObjectNode node, FinishReason reason, boolean callsTools) {
        String name = callsTools
                ? "tool_use"
                : switch (reason) {
                    case FinishReason.Length length -> "max_tokens";
                    case FinishReason.StopString stop -> "stop_sequence";
                    case FinishReason.StopToken token -> "end_turn";
                    case FinishReason.Aborted aborted -> throw new IllegalStateException("an abort is an error here");
                };
        @Nullable String sequence = !callsTools && reason instanceof FinishReason.StopString stop ? stop.text() : null;
        node.put("stop_reason", name).put("stop_sequence", sequence);
    }

    /** Anthropic counts cached prompt tokens beside the others, not among them. */
    private ObjectNode usage(Usage usage) {
        int cached = cacheReport ? usage.cachedTokens() : 0;
        ObjectNode node = JSON.objectNode()
                .put("input_tokens", usage.promptTokens() - cached)
                .put("cache_creation_input_tokens", 0)
                .put("cache_read_input_tokens", cached)
                .put("output_tokens", usage.completionTokens());
        node.putObject("output_tokens_details").put("thinking_tokens", usage.reasoningTokens());
        return node;
    }

    private ObjectNode frame(String type) {
        ObjectNode frame = JSON.objectNode().put("type", type);
        frames.add(frame);
        return frame;
    }

    private ObjectNode frame(String type, Block block) {
        return frame(type).put("index", block.index());
    }

    private List<JsonNode> takeFrames() {
        List<JsonNode> taken = List.copyOf(frames);
        frames.clear();
        return taken;
    }
}
