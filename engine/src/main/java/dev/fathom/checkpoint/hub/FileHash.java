package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What a file's bytes hash to: SHA-256 for large files, for small ones what git calls a blob by. It names the file in the cache.
 *
 * @param hex  64 digits of SHA-256, or 40 of git's SHA-1
 */
record FileHash(String hex) {
    private static final Pattern HEX = Pattern.compile("[0-9a-f]{64}|[0-9a-f]{40}");
    private static final int SHA256_DIGITS = 64;

    /**
     * @param text   as the hub gives it, in quotes or not
     * @param where  for the message
     */
    static FileHash parse(String text, String where) {
        String hex = text.strip().replaceFirst("^W/", "").replace("\"", "").toLowerCase(Locale.ROOT);
        if (!HEX.matcher(hex).matches()) {
            throw new CheckpointException(where + ": the hub gives the checksum \"" + hex
                    + "\", which is neither SHA-256 nor git's SHA-1, so that the file could not be verified.");
        }
        return new FileHash(hex);
    }

    /** A digest that wants the file's bytes. */
    MessageDigest digest(long size) {
        try {
            if (hex.length() == SHA256_DIGITS) {
                return MessageDigest.getInstance("SHA-256");
            }
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
            return digest;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has both
        }
    }

    /** Whether the digest, which this ends, has seen the right bytes. */
    boolean matches(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest()).equals(hex);
    }
}
