package dev.fathom.text;

import dev.fathom.text.regex.Regex;
import dev.fathom.text.regex.RegexException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Turns the parts of a tokenizer file into the parts of a tokenizer; what it does not know it refuses by name. */
final class TokenizerBuilder {
    private static final int MAX_STEPS = 32;

    /** Settings that are read, or mean nothing while they are null, false or empty. */
    private static final Set<String> KNOWN_SETTINGS = Set.of("type", "unk_token", "fuse_unk", "ignore_merges");

    private static final Set<String> POST_PROCESSORS =
            Set.of("ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing");

    private final TokenizerFile file;

    TokenizerBuilder(TokenizerFile file) {
        this.file = file;
    }

    BpeModel model() {
        JsonNode type = file.modelSetting("type");
        if (type != null && !"BPE".equals(text(type))) {
            throw new TokenizerException("model type " + TokenizerFile.brief(type) + " is not supported, only \"BPE\"");
        }
        if (file.vocabulary.isEmpty()) {
            throw new TokenizerException("'model.vocab' is missing or empty");
        }
        refuseOtherSettings();
        return new BpeModel(file.vocabulary, merges(), setting("ignore_merges"), unknownId(), setting("fuse_unk"));
    }

    private boolean setting(String name) {
        JsonNode value = file.modelSetting(name);
        if (value == null) {
            return false;
        }
        if (!value.isBoolean()) {
            throw new TokenizerException(
                    "'model." + name + "' is " + TokenizerFile.brief(value) + ", expected true or false");
        }
        return value.booleanValue();
    }

    private void refuseOtherSettings() {
        for (String name : file.modelSettings.keySet()) {
            JsonNode value = file.modelSetting(name);
            boolean off = value == null
                    || (value.isBoolean() && !value.booleanValue())
                    || (value.isString() && value.stringValue().isEmpty())
                    || (value.isNumber() && value.doubleValue() == 0);
            if (value != null && !off && !KNOWN_SETTINGS.contains(name)) {
                throw new TokenizerException(
                        "'model." + name + "' = " + TokenizerFile.brief(value) + " is not supported");
            }
        }
    }

    private int unknownId() {
        JsonNode token = file.modelSetting("unk_token");
        if (token == null) {
            return -1;
        }
        Integer id = file.vocabulary.get(text(token));
        if (id == null) {
            throw new TokenizerException(
                    "'model.unk_token' " + TokenizerFile.brief(token) + " is not in the vocabulary");
        }
        return id;
    }

    private Merges merges() {
        List<String> parts = file.merges;
        Merges merges = new Merges(parts.size() / 2);
        for (int i = 0; i < parts.size(); i += 2) {
            int left = part(parts.get(i), i / 2);
            int right = part(parts.get(i + 1), i / 2);
            merges.put(left, right, i / 2, part(parts.get(i).concat(parts.get(i + 1)), i / 2));
        }
        return merges;
    }

    private int part(String token, int rank) {
        Integer id = file.vocabulary.get(token);
        if (id == null) {
            throw new TokenizerException("merge " + rank + " needs the token '" + token + "', which has no id");
        }
        return id;
    }

    /** The normalizer as a function; null when text is left as it is. */
    @Nullable
    UnaryOperator<String> normalizer() {
        List<Normalizer.Form> forms = new ArrayList<>();
        collectForms(file.part("normalizer"), forms, 0);
        if (forms.isEmpty()) {
            return null;
        }
        return given -> {
            String text = given;
            for (Normalizer.Form form : forms) {
                text = Normalizer.normalize(text, form);
            }
            return text;
        };
    }

    private static void collectForms(@Nullable JsonNode node, List<Normalizer.Form> forms, int depth) {
        if (node == null) {
            return;
        }
        String type = type(node, "normalizer", depth);
        switch (type) {
            case "NFC" -> forms.add(Normalizer.Form.NFC);
            case "NFD" -> forms.add(Normalizer.Form.NFD);
            case "NFKC" -> forms.add(Normalizer.Form.NFKC);
            case "NFKD" -> forms.add(Normalizer.Form.NFKD);
            case "Sequence" -> {
                for (JsonNode each : members(node, "normalizers")) {
                    collectForms(each, forms, depth + 1);
                }
            }
            default -> throw new TokenizerException("normalizer type '" + type + "' is not supported");
        }
        if (forms.size() > MAX_STEPS) {
            throw new TokenizerException("more than " + MAX_STEPS + " normalizers");
        }
    }

    PreTokenizer preTokenizer() {
        List<PreTokenizer.Step> steps = new ArrayList<>();
        JsonNode node = file.part("pre_tokenizer");
        boolean byteLevel = node != null && collectSteps(node, steps, false, 0);
        if (!byteLevel) {
            throw new TokenizerException(
                    "'pre_tokenizer' has no ByteLevel; only byte-level vocabularies are supported");
        }
        return new PreTokenizer(steps);
    }

    /** Appends the steps of a pre-tokenizer; whether text is in bytes after it. */
    private static boolean collectSteps(JsonNode node, List<PreTokenizer.Step> steps, boolean inBytes, int depth) {
        String type = type(node, "pre-tokenizer", depth);
        if (inBytes && !type.equals("Sequence")) {
            throw new TokenizerException("pre-tokenizer '" + type + "' behind ByteLevel is not supported");
        }
        if (steps.size() > MAX_STEPS) {
            throw new TokenizerException("more than " + MAX_STEPS + " pre-tokenizers");
        }
        boolean bytes = inBytes;
        switch (type) {
            case "Sequence" -> {
                for (JsonNode each : members(node, "pretokenizers")) {
                    bytes = collectSteps(each, steps, bytes, depth + 1);
                }
            }
            case "Split" -> {
                JsonNode behavior = node.get("behavior");
                steps.add(new PreTokenizer.Step.Split(
                        pattern(node),
                        SplitBehavior.named(behavior == null ? "" : text(behavior)),
                        TokenizerFile.flag(node, "invert", false)));
            }
            case "Digits" -> {
                boolean each = TokenizerFile.flag(node, "individual_digits", false);
                SplitBehavior behavior = each ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS;
                steps.add(new PreTokenizer.Step.Split(regex("\\p{N}"), behavior, false));
            }
            case "ByteLevel" -> {
                if (TokenizerFile.flag(node, "add_prefix_space", true)) {
                    steps.add(new PreTokenizer.Step.PrefixSpace());
                }
                if (TokenizerFile.flag(node, "use_regex", true)) {
                    Regex pattern = regex(PreTokenizer.GPT2);
                    steps.add(new PreTokenizer.Step.Split(pattern, SplitBehavior.ISOLATED, false));
                }
                bytes = true;
            }
            default -> throw new TokenizerException("pre-tokenizer type '" + type + "' is not supported");
        }
        return bytes;
    }

    private static Regex pattern(JsonNode split) {
        JsonNode pattern = split.get("pattern");
        JsonNode regex = pattern == null ? null : pattern.get("Regex");
        JsonNode literal = pattern == null ? null : pattern.get("String");
        if (regex != null) {
            return regex(text(regex));
        }
        if (literal == null) {
            throw new TokenizerException("a Split has no 'pattern' with 'Regex' or 'String'");
        }
        String text = text(literal);
        if (text.length() > 10_000) {
            throw new TokenizerException(
                    "a Split's string has " + text.length() + " characters, expected 10000 or less");
        }
        return Regex.literal(text);
    }

    private static Regex regex(String pattern) {
        try {
            return Regex.compile(pattern);
        } catch (RegexException e) {
            throw new TokenizerException("a Split's regular expression: " + e.getMessage(), e);
        }
    }

    /** Checks what cannot change the ids or the text: a decoder must be ByteLevel, a post-processor only adds marks. */
    void checkOtherParts() {
        JsonNode decoder = file.part("decoder");
        if (decoder == null) {
            throw new TokenizerException("'decoder' is missing, expected ByteLevel");
        }
        requireTypes(decoder, "decoder", "decoders", Set.of("ByteLevel"), 0);
        JsonNode post = file.part("post_processor");
        if (post != null) {
            // It adds BOS and the like, which here is the chat template's work; encode never does it.
            requireTypes(post, "post-processor", "processors", POST_PROCESSORS, 0);
        }
    }

    private static void requireTypes(JsonNode node, String what, String list, Set<String> allowed, int depth) {
        String type = type(node, what, depth);
        if (type.equals("Sequence")) {
            for (JsonNode each : members(node, list)) {
                requireTypes(each, what, list, allowed, depth + 1);
            }
        } else if (!allowed.contains(type)) {
            throw new TokenizerException(what + " type '" + type + "' is not supported, only "
                    + allowed.stream().sorted().toList());
        }
    }

    /** Added tokens by id, checked against the vocabulary and each other. */
    List<AddedToken> addedTokens() {
        Map<Integer, String> contents = new HashMap<>();
        Map<String, AddedToken> byContent = new HashMap<>();
        for (AddedToken token : file.addedTokens) {
            if (token.content().isEmpty()) {
                continue;
            }
            Integer id = file.vocabulary.get(token.content());
            if (id != null && id != token.id()) {
                throw new TokenizerException("the added token '" + token.content() + "' has the id " + token.id()
                        + ", but " + id + " in the vocabulary");
            }
            String other = contents.put(token.id(), token.content());
            AddedToken same = byContent.put(token.content(), token);
            if ((other != null && !other.equals(token.content())) || (same != null && same.id() != token.id())) {
                throw new TokenizerException(
                        "the added token '" + token.content() + "' shares its id or its text with another");
            }
        }
        return byContent.values().stream()
                .sorted(Comparator.comparingInt(AddedToken::id))
                .toList();
    }

    private static String type(JsonNode node, String what, int depth) {
        JsonNode type = node.get("type");
        if (type == null || !type.isString()) {
            throw new TokenizerException("a " + what + " without a 'type': " + TokenizerFile.brief(node));
        }
        if (depth > MAX_STEPS) {
            throw new TokenizerException("more than " + MAX_STEPS + " nested sequences of " + what + "s");
        }
        return type.stringValue();
    }

    private static List<JsonNode> members(JsonNode sequence, String name) {
        JsonNode list = sequence.get(name);
        if (list == null || !list.isArray()) {
            throw new TokenizerException("a Sequence lacks the list '" + name + "'");
        }
        List<JsonNode> members = new ArrayList<>();
        list.forEach(members::add);
        return members;
    }

    private static String text(JsonNode node) {
        if (!node.isString()) {
            throw new TokenizerException(TokenizerFile.brief(node) + " is not a string");
        }
        return node.stringValue();
    }
}
