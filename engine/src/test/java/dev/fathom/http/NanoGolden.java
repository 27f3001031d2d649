package dev.fathom.http;

import dev.fathom.text.answer.Answer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Conversations with the embedded model and what the reference implementation answered. */
record NanoGolden(
        int number, JsonNode messages, JsonNode tools, boolean thinking, int[] prompt, int[] ids, String text) {
    private static final String END = "<｜end▁of▁sentence｜>";
    private static final String THINK_END = "</think>";
    private static final Pattern CALL = Pattern.compile("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>(\\w+)<｜tool▁sep｜>"
            + "(\\{.*})<｜tool▁call▁end｜><｜tool▁calls▁end｜>");

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

    /** The request for a stream of the same. */
    ObjectNode streamed() {
        return chat().put("stream", true);
    }

    /** What the text says, put into OpenAI's fields by hand: the reasoning goes to its mark, the call has a name and JSON. */
    Answer parts() {
        String answer = answer();
        int end = thinking ? answer.indexOf(THINK_END) : -1;
        String reasoning = !thinking ? "" : end < 0 ? answer : answer.substring(0, end);
        String content = !thinking ? answer : end < 0 ? "" : answer.substring(end + THINK_END.length());
        Matcher call = CALL.matcher(content);
        return call.matches()
                ? new Answer(reasoning, "", List.of(new Answer.Call(call.group(1), call.group(2))))
                : new Answer(reasoning, content, List.of());
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
