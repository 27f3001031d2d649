package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** One endpoint's JSON for one answer. Holds what its frames must remember; no sockets in it. */
interface AnswerFormat {
    /** The frames that say this, none if the client need not hear of it. */
    List<JsonNode> delta(TextEvent.Delta delta);

    List<JsonNode> finished(TextEvent.Finished finished);

    /** The frames after the last sequence has ended. */
    List<JsonNode> closing();

    /** The frames that say that the answer failed in mid-stream; they are its last. */
    default List<JsonNode> failed(RequestException error) {
        ObjectNode frame = JsonNodeFactory.instance.objectNode();
        frame.set("error", ErrorReply.json(error));
        return List.of(frame);
    }

    /** Whether each event is named by its frame's {@code type}; such a stream ends without {@code [DONE]}. */
    default boolean named() {
        return false;
    }

    /** The whole answer, for requests that do not stream. */
    JsonNode whole(List<TextResult> results);
}
