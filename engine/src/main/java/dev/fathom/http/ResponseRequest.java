package dev.fathom.http;

import dev.fathom.serve.ChatRequest;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request to {@code /v1/responses}, read and checked.
 *
 * @param chat          the conversation as the model reads it
 * @param conversation  what a later request goes on from: earlier turns and this one's input, without the instructions
 * @param shown         the response object's fields that repeat the request
 * @param store         whether the response can be retrieved and gone on from
 * @param background    whether the client does not wait for the answer
 * @param stream        whether it comes as events
 */
record ResponseRequest(
        ChatRequest chat,
        List<Map<String, @Nullable Object>> conversation,
        ObjectNode shown,
        boolean store,
        boolean background,
        boolean stream) {}
