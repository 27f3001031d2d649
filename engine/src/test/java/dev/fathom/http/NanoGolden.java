package dev.fathom.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Conversations with the embedded model and what the reference implementation answered. */
record NanoGolden(
        int number, JsonNode messages, JsonNode tools, boolean thinking, int[] prompt, int[] ids, String text) {
    private static final String END = "<｜end▁of▁sentence｜>";

    static List<NanoGolden> all() {
        try (InputStream in = NanoGolden.class.getResourceAsStream("/golden/nano/nano_fp8.json")) {
            if (in == null) {
                throw new IllegalStateException("golden/nano/nano_fp8.json is not on the class path");
            }
            var cases = new ArrayList<NanoGolden>();
            for (JsonNode node : JsonMapper.shared().readTree(in.readAllBytes()).get("cases")) {
                cases.add(new NanoGolden(
                        node.get("case").intValue(),
                        node.get("messages"),
                        node.path("tools"),
                        node.get("thinking").booleanValue(),
                        ids(node.get("prompt_ids")),
                        ids(node.get("greedy_ids")),
                        node.get("greedy_text").stringValue()));
            }
            return cases;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The request that must give {@link #answer}. */
    ObjectNode chat() {
        ObjectNode request = JsonMapper.shared().createObjectNode();
        request.set("messages", messages);
        if (tools.isArray()) {
            request.set("tools", tools);
        }
        request.putObject("chat_template_kwargs").put("thinking", thinking);
        return request.put("temperature", 0).put("max_tokens", ids.length);
    }

    /** The text without the end token. */
    String answer() {
        return text.endsWith(END) ? text.substring(0, text.length() - END.length()) : text;
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = array.get(i).intValue();
        }
        return ids;
    }
}
