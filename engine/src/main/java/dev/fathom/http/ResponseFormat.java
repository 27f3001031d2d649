package dev.fathom.http;

import dev.fathom.api.FinishReason;
import dev.fathom.api.RequestException;
import dev.fathom.http.AnswerBlocks.Block;
import dev.fathom.http.AnswerBlocks.Kind;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/responses}: the answer, as one object or as OpenAI's typed events. */
final class ResponseFormat implements AnswerFormat, AnswerBlocks.Listener {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String IN_PROGRESS = "in_progress";
    private static final String COMPLETED = "completed";
    private static final String INCOMPLETE = "incomplete";
    private static final String CANCELLED = "cancelled";
    private static final String FAILED = "failed";

    private final ObjectNode shown;
    private final boolean cacheReport;
    private final Consumer<ObjectNode> onEnd;
    private final AnswerBlocks blocks = new AnswerBlocks(this);
    private final List<ObjectNode> items = new ArrayList<>();
    private final List<JsonNode> frames = new ArrayList<>();
    private String lastItem = COMPLETED;
    private boolean begun;
    private int sequence;

    /**
     * @param shown        the fields that repeat the request
     * @param cacheReport  whether usage says how many prompt tokens were cached
     * @param onEnd        gets the last state of the response, before the client does
     */
    ResponseFormat(ObjectNode shown, boolean cacheReport, Consumer<ObjectNode> onEnd) {
        this.shown = shown;
        this.cacheReport = cacheReport;
        this.onEnd = onEnd;
    }

    /** A response that has no answer yet. */
    static ObjectNode waiting(ObjectNode shown, String status) {
        ObjectNode response = shown.deepCopy();
        response.put("status", status);
        response.putNull("error").putNull("incomplete_details").putNull("usage").putArray("output");
        return response;
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
        begin();
        end(finished.reason());
        blocks.end();
        ObjectNode response = ended(finished.reason(), finished.usage());
        String status = response.get("status").stringValue();
        frame("response." + (status.equals(CANCELLED) ? INCOMPLETE : status)).set("response", response);
        return takeFrames();
    }

    @Override
    public List<JsonNode> closing() {
        return List.of();
    }

    @Override
    public List<JsonNode> failed(RequestException error) {
        begin();
        frame("response.failed").set("response", failure(error));
        return takeFrames();
    }

    /** The response of a request that failed; it is its last state. */
    ObjectNode failure(RequestException error) {
        ObjectNode response = response(FAILED);
        response.putObject("error").put("code", "server_error").put("message", String.valueOf(error.getMessage()));
        onEnd.accept(response);
        return response;
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        TextResult result = results.getFirst();
        List<Block> all = AnswerBlocks.of(result.answer());
        for (Block block : all) {
            if (block == all.getLast()) {
                end(result.reason());
            }
            items.add(item(block));
            complete(block);
        }
        return ended(result.reason(), result.usage());
    }

    @Override
    public void opened(Block block) {
        ObjectNode item = item(block);
        items.add(item);
        itemFrame("response.output_item.added", block).set("item", item.deepCopy());
        if (block.kind() != Kind.CALL) {
            partFrame("response.content_part.added", block).set("part", part(block.kind(), ""));
        }
    }

    @Override
    public void grew(Block block, String more) {
        switch (block.kind()) {
            case REASONING -> partFrame("response.reasoning_text.delta", block).put("delta", more);
            case TEXT ->
                partFrame("response.output_text.delta", block)
                        .put("delta", more)
                        .putArray("logprobs");
            case CALL ->
                itemFrame("response.function_call_arguments.delta", block)
                        .put("item_id", id(block))
                        .put("delta", more);
        }
    }

    @Override
    public void closed(Block block) {
        ObjectNode item = complete(block);
        switch (block.kind()) {
            case REASONING -> partFrame("response.reasoning_text.done", block).put("text", block.text());
            case TEXT ->
                partFrame("response.output_text.done", block)
                        .put("text", block.text())
                        .putArray("logprobs");
            case CALL ->
                itemFrame("response.function_call_arguments.done", block)
                        .put("item_id", id(block))
                        .put("name", block.function())
                        .put("arguments", block.text());
        }
        if (block.kind() != Kind.CALL) {
            partFrame("response.content_part.done", block).set("part", part(block.kind(), block.text()));
        }
        itemFrame("response.output_item.done", block).set("item", item.deepCopy());
    }

    private void begin() {
        if (!begun) {
            begun = true;
            frame("response.created").set("response", waiting(shown, IN_PROGRESS));
            frame("response.in_progress").set("response", waiting(shown, IN_PROGRESS));
        }
    }

    /** What the last item's state is when the answer ends for this reason. */
    private void end(FinishReason reason) {
        boolean cut = reason instanceof FinishReason.Length || reason instanceof FinishReason.Aborted;
        lastItem = cut ? INCOMPLETE : COMPLETED;
    }

    /** An item as it begins. */
    private static ObjectNode item(Block block) {
        ObjectNode item = JSON.objectNode();
        switch (block.kind()) {
            case REASONING -> {
                item.put("id", OpenAiFields.newId("rs_")).put("type", "reasoning");
                item.putArray("summary");
                item.putArray("content");
            }
            case TEXT ->
                item.put("id", OpenAiFields.newId("msg_"))
                        .put("type", "message")
                        .put("role", "assistant")
                        .putArray("content");
            case CALL ->
                item.put("id", OpenAiFields.newId("fc_"))
                        .put("type", "function_call")
                        .put("call_id", OpenAiFields.newId("call_"))
                        .put("name", block.function())
                        .put("arguments", "");
        }
        return item.put("status", IN_PROGRESS);
    }

    /** A call that broke is incomplete: its text follows as a message. */
    private ObjectNode complete(Block block) {
        ObjectNode item = items.get(block.index());
        if (block.kind() == Kind.CALL) {
            item.put("arguments", block.text());
        } else {
            item.withArray("content").add(part(block.kind(), block.text()));
        }
        return item.put("status", block.whole() ? lastItem : INCOMPLETE);
    }

    private static ObjectNode part(Kind kind, String text) {
        ObjectNode part = JSON.objectNode();
        if (kind == Kind.REASONING) {
            return part.put("type", "reasoning_text").put("text", text);
        }
        part.put("type", "output_text").put("text", text).putArray("annotations");
        part.putArray("logprobs");
        return part;
    }

    private ObjectNode ended(FinishReason reason, Usage usage) {
        String status = switch (reason) {
            case FinishReason.Length length -> INCOMPLETE;
            case FinishReason.Aborted aborted -> CANCELLED;
            case FinishReason.StopToken token -> COMPLETED;
            case FinishReason.StopString text -> COMPLETED;
        };
        ObjectNode response = response(status);
        if (status.equals(INCOMPLETE)) {
            response.putObject("incomplete_details").put("reason", "max_output_tokens");
        }
        response.set("usage", usage(usage));
        onEnd.accept(response);
        return response;
    }

    private ObjectNode response(String status) {
        ObjectNode response = waiting(shown, status);
        items.forEach(response.withArray("output")::add);
        return response;
    }

    private ObjectNode usage(Usage usage) {
        ObjectNode node = JSON.objectNode().put("input_tokens", usage.promptTokens());
        node.putObject("input_tokens_details")
                .put("cached_tokens", cacheReport ? usage.cachedTokens() : 0)
                .put("cache_write_tokens", 0);
        node.put("output_tokens", usage.completionTokens());
        node.putObject("output_tokens_details").put("reasoning_tokens", usage.reasoningTokens());
        return node.put("total_tokens", usage.promptTokens() + usage.completionTokens());
    }

    private String id(Block block) {
        return items.get(block.index()).get("id").stringValue();
    }

    private ObjectNode partFrame(String type, Block block) {
        return itemFrame(type, block).put("item_id", id(block)).put("content_index", 0);
    }

    private ObjectNode itemFrame(String type, Block block) {
        return frame(type).put("output_index", block.index());
    }

    private ObjectNode frame(String type) {
        ObjectNode frame = JSON.objectNode().put("type", type).put("sequence_number", sequence++);
        frames.add(frame);
        return frame;
    }

    private List<JsonNode> takeFrames() {
        List<JsonNode> taken = List.copyOf(frames);
        frames.clear();
        return taken;
    }
}
