package dev.fathom.text;

import dev.fathom.text.regex.RegexException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back: byte-level byte pair encoding as a {@code tokenizer.json} describes it, id for id what the
 * Hugging Face tokenizers library gives. Safe for use by many threads.
 */
public final class Tokenizer {
    private static final byte[] NO_BYTES = new byte[0];

    private final BpeModel model;
    private final PreTokenizer preTokenizer;
    private final @Nullable UnaryOperator<String> normalizer;
    private final AddedTokenMatcher plainTokens;
    private final AddedTokenMatcher normalizedTokens;
    private final Map<String, Integer> ids;
    private final Map<String, Integer> addedIds = new HashMap<>();
    /** By id: the bytes of each token; null where there is none. */
    private final byte[] @Nullable [] bytes;

    private final boolean[] special;

    private Tokenizer(TokenizerFile file) {
        TokenizerBuilder builder = new TokenizerBuilder(file);
        builder.checkOtherParts();
        this.model = builder.model();
        this.preTokenizer = builder.preTokenizer();
        this.normalizer = builder.normalizer();
        List<AddedToken> added = builder.addedTokens();
        UnaryOperator<String> form = normalizer;
        this.plainTokens = new AddedTokenMatcher(
                added.stream().filter(token -> !token.normalized()).toList(), UnaryOperator.identity());
        this.normalizedTokens = new AddedTokenMatcher(
                added.stream().filter(AddedToken::normalized).toList(), form == null ? UnaryOperator.identity() : form);
        this.ids = file.vocabulary;
        int largest = -1;
        for (int id : ids.values()) {
            largest = Math.max(largest, id);
        }
        for (AddedToken token : added) {
            largest = Math.max(largest, token.id());
        }
        this.bytes = new byte[largest + 1][];
        this.special = new boolean[largest + 1];
        ids.forEach((content, id) -> {
            if (bytes[id] != null) {
                throw new TokenizerException(
                        "the id " + id + " of the token '" + content + "' is another token's, too");
            }
            bytes[id] = ByteLevel.bytes(content);
        });
        for (AddedToken token : added) {
            if (bytes[token.id()] != null && !Integer.valueOf(token.id()).equals(ids.get(token.content()))) {
                throw new TokenizerException("the id " + token.id() + " of the added token '" + token.content()
                        + "' is another token's in the vocabulary");
            }
            // As in the reference: what is looked for after normalization is also written so.
            String written = form == null || !token.normalized() ? token.content() : form.apply(token.content());
            bytes[token.id()] = ByteLevel.bytes(written);
            special[token.id()] = token.special();
            addedIds.put(token.content(), token.id());
        }
    }

    /**
     * Reads a tokenizer file.
     *
     * @param tokenizerJson the bytes of {@code tokenizer.json}
     * @param where         the file's name for messages
     * @throws TokenizerException naming the file and what in it is wrong or not supported
     */
    public static Tokenizer parse(byte[] tokenizerJson, String where) {
        try {
            return new Tokenizer(TokenizerFile.read(tokenizerJson));
        } catch (TokenizerException e) {
            throw new TokenizerException(where + ": " + e.getMessage(), e);
        }
    }

    /**
     * The ids of a text. Added tokens are recognised in it, special ones, too; no BOS is added, that is the chat
     * template's work. Lone surrogates count as U+FFFD.
     *
     * @throws TokenizerException if the file's own patterns need too many steps on this text
     */
    public int[] encode(String text) {
        String given = Utf8.wellFormed(text);
        IntList out = new IntList(given.length() / 3 + 8);
        PreTokenizer.Run run = preTokenizer.run((piece, from, to) -> model.encode(piece, from, to, out));
        try {
            plainTokens.split(given, new AddedTokenMatcher.Parts() {
                @Override
                public void text(int from, int to) {
                    encodeNormalized(given.substring(from, to), run, out);
                }

                @Override
                public void token(AddedToken token) {
                    out.add(token.id());
                }
            });
        } catch (RegexException e) {
            throw new TokenizerException("the tokenizer's " + e.getMessage(), e);
        }
        return out.toArray();
    }

    private void encodeNormalized(String given, PreTokenizer.Run run, IntList out) {
        String text = normalizer == null ? given : normalizer.apply(given);
        normalizedTokens.split(text, new AddedTokenMatcher.Parts() {
            @Override
            public void text(int from, int to) {
                run.cut(text, from, to);
            }

            @Override
            public void token(AddedToken token) {
                out.add(token.id());
            }
        });
    }

    /**
     * The text of a sequence of ids; bytes that are not UTF-8 become U+FFFD, ids without a token become nothing.
     *
     * @param skipSpecial leaves special tokens out
     * @throws IllegalArgumentException if an id is negative
     */
    public String decode(int[] ids, boolean skipSpecial) {
        StringBuilder out = new StringBuilder(ids.length * 4);
        Utf8.Decoder decoder = new Utf8.Decoder();
        for (int id : ids) {
            decodeInto(id, skipSpecial, decoder, out);
        }
        decoder.end(out);
        return out.toString();
    }

    /** Appends what an id adds to a text under way. */
    void decodeInto(int id, boolean skipSpecial, Utf8.Decoder decoder, StringBuilder out) {
        if (!skipSpecial || !isSpecial(id)) {
            decoder.decode(shared(id), out);
        }
    }

    /**
     * The bytes a token stands for; empty for an id without a token (models pad their vocabularies).
     *
     * @throws IllegalArgumentException if the id is negative
     */
    public byte[] bytes(int id) {
        byte[] shared = shared(id);
        return shared.length == 0 ? shared : Arrays.copyOf(shared, shared.length);
    }

    private byte[] shared(int id) {
        if (id < 0) {
            throw new IllegalArgumentException("token id " + id + " is negative");
        }
        byte[] token = id < bytes.length ? bytes[id] : null;
        return token == null ? NO_BYTES : token;
    }

    /** Whether a token is marked special: a mark of structure rather than text. */
    public boolean isSpecial(int id) {
        return id >= 0 && id < special.length && special[id];
    }

    /** The id of a token written as in the file (byte-level characters for ordinary tokens). */
    public OptionalInt id(String token) {
        Integer id = addedIds.getOrDefault(token, ids.get(token));
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** The largest id plus one; a model's logits may be wider. */
    public int size() {
        return bytes.length;
    }
}
