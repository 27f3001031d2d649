package dev.fathom.serve;

import dev.fathom.text.ChatTemplate;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerSyntax;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The embedded model's tokenizer and template, without its weights. */
public final class NanoText {
    public static final int BOS = 0;
    public static final int EOS = 1;
    public static final int THINK = 4079;
    public static final int THINK_END = 4080;

    private NanoText() {}

    public static Tokenizer tokenizer() {
        return Tokenizer.parse(read("tokenizer.json"), "tokenizer.json");
    }

    public static ChatTemplate template() {
        return ChatTemplate.parse(config().get("chat_template").stringValue(), "tokenizer_config.json");
    }

    /** The nano model as served, with a context of 8192 tokens and no sampling defaults. */
    public static ServedModel model() {
        return model(tokenizer(), SamplingFields.NONE);
    }

    /** @param tokenizer null to serve without one */
    public static ServedModel model(@Nullable Tokenizer tokenizer, SamplingFields defaults) {
        JsonNode config = config();
        var plain = new ServedModel(
                "nano",
                "models/nano",
                "models/nano",
                8192,
                4096,
                Set.of(EOS),
                tokenizer,
                tokenizer == null ? null : template(),
                config.get("bos_token").stringValue(),
                config.get("eos_token").stringValue(),
                true,
                defaults,
                false,
                AnswerSyntax.PLAIN,
                Map.of());
        return plain.withSyntax(plain.detectSyntax());
    }

    /** The same vocabulary in DeepSeek-V3.2's chats. */
    public static ServedModel speakingV32() {
        ServedModel nano = model();
        var v32 = new ServedModel(
                "v32",
                nano.modelPath(),
                nano.tokenizerPath(),
                nano.contextLength(),
                nano.vocabularySize(),
                nano.endTokenIds(),
                nano.tokenizer(),
                ChatTemplate.deepSeekV32(),
                nano.bosText(),
                nano.eosText(),
                nano.addBos(),
                nano.defaults(),
                false,
                AnswerSyntax.PLAIN,
                Map.of());
        return v32.withSyntax(v32.detectSyntax());
    }

    private static JsonNode config() {
        return JsonMapper.shared().readTree(read("tokenizer_config.json"));
    }

    private static byte[] read(String name) {
        try (InputStream in = NanoText.class.getResourceAsStream("/models/nano/" + name)) {
            if (in == null) {
                throw new IllegalStateException("models/nano/" + name + " is not on the class path");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
