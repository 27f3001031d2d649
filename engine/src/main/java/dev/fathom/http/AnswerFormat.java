package dev.fathom.http;

import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** One endpoint's JSON for one answer. Holds what its frames must remember; no sockets in it. */
interface AnswerFormat {
    /** The frames that say this, none if the client need not hear of it. */
    List<JsonNode> delta(TextEvent.Delta delta);

    List<JsonNode> finished(TextEvent.Finished finished);

    /** The frames after the last sequence has ended. */
    List<JsonNode> closing();

    /** The whole answer, for requests that do not stream. */
    JsonNode whole(List<TextResult> results);
}
