package dev.fathom.serve;

import dev.fathom.api.RequestException;
import dev.fathom.load.LoadedModel;
import dev.fathom.text.ChatTemplate;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.answer.AnswerSyntax;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the text side knows of the model it serves.
 *
 * @param name               as clients see it ({@code --served-model-name})
 * @param modelPath          where the weights came from
 * @param tokenizerPath      where the tokenizer came from
 * @param contextLength      most tokens of a sequence, prompt and completion together
 * @param endTokenIds        ids that end a sequence
 * @param tokenizer          null with {@code --skip-tokenizer-init}
 * @param chatTemplate       null where the model has none
 * @param bosText            the begin-of-sequence token, null where the model has none
 * @param eosText            the end-of-sequence token, null where the model has none
 * @param addBos             raw prompts begin with the begin-of-sequence token
 * @param defaults           sampling fields for requests that do not give them
 * @param priorities         whether requests may give a priority ({@code --enable-priority-scheduling})
 * @param syntax             how the model writes reasoning and tool calls
 * @param templateVariables  variables of the chat template that requests leave open
 */
public record ServedModel(
        String name,
        String modelPath,
        String tokenizerPath,
        int contextLength,
        int vocabularySize,
        Set<Integer> endTokenIds,
        @Nullable Tokenizer tokenizer,
        @Nullable ChatTemplate chatTemplate,
        @Nullable String bosText,
        @Nullable String eosText,
        boolean addBos,
        SamplingFields defaults,
        boolean priorities,
        AnswerSyntax syntax,
        Map<String, @Nullable Object> templateVariables) {

    public ServedModel {
        endTokenIds = Set.copyOf(endTokenIds);
    }

    /**
     * A loaded model as it is served; how it writes its answers is read off its chat template.
     *
     * @param name           as clients see it
     * @param tokenizerPath  where the tokenizer came from
     * @param defaults       sampling fields for requests that do not give them
     * @param priorities     whether requests may give a priority
     */
    public static ServedModel of(
            LoadedModel loaded, String name, String tokenizerPath, SamplingFields defaults, boolean priorities) {
        var plain = new ServedModel(
                name,
                loaded.modelPath(),
                tokenizerPath,
                loaded.contextLength(),
                loaded.model().vocabularySize(),
                loaded.endTokenIds(),
                loaded.tokenizer().orElse(null),
                loaded.chatTemplate().orElse(null),
                loaded.tokenizerConfig().bosToken().orElse(null),
                loaded.tokenizerConfig().eosToken().orElse(null),
                loaded.tokenizerConfig().addBosToken(),
                defaults,
                priorities,
                AnswerSyntax.PLAIN,
                Map.of());
        return plain.withSyntax(plain.detectSyntax());
    }

    /** How the model writes reasoning and tool calls, as far as its chat template shows it. */
    public AnswerSyntax detectSyntax() {
        return new SyntaxDetector(this).detect();
    }

    public ServedModel withSyntax(AnswerSyntax newSyntax) {
        return with(newSyntax, templateVariables);
    }

    /** @param variables as templates read them: strings, numbers, booleans, nulls, and lists and maps of them */
    public ServedModel withTemplateVariables(Map<String, @Nullable Object> variables) {
        return with(syntax, variables);
    }

    private ServedModel with(AnswerSyntax newSyntax, Map<String, @Nullable Object> newVariables) {
        return new ServedModel(
                name,
                modelPath,
                tokenizerPath,
                contextLength,
                vocabularySize,
                endTokenIds,
                tokenizer,
                chatTemplate,
                bosText,
                eosText,
                addBos,
                defaults,
                priorities,
                newSyntax,
                newVariables);
    }

    /** @param parameter the field that needs text */
    Tokenizer tokenizerFor(String parameter) {
        if (tokenizer == null) {
            throw RequestException.invalid(
                    parameter,
                    parameter + " needs a tokenizer, but the server runs with --skip-tokenizer-init: send input_ids to"
                            + " /generate.");
        }
        return tokenizer;
    }

    /** Whether system and developer messages may bring {@code tools} and a {@code response_format} along. */
    public boolean readsToolsOfMessages() {
        return chatTemplate != null && chatTemplate.readsToolsOfMessages();
    }

    /** Text of a sequence without its special tokens. Empty without a tokenizer. */
    public String text(int[] ids) {
        return tokenizer == null ? "" : tokenizer.decode(ids, true);
    }

    /** Text of one token by itself; part of a character becomes U+FFFD. Empty without a tokenizer. */
    public String tokenText(int id) {
        return tokenizer == null ? "" : tokenizer.decode(new int[] {id}, false);
    }

    /** UTF-8 bytes of one token, which may be part of a character. Empty without a tokenizer. */
    public byte[] tokenBytes(int id) {
        return tokenizer == null ? new byte[0] : tokenizer.bytes(id);
    }
}
