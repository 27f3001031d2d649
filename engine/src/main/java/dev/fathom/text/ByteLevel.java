package dev.fathom.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The alphabet of byte-level vocabularies: each byte is written as one printable character.
 *
 * @see "GPT-2, encoder.py, bytes_to_unicode"
 */
final class ByteLevel {
    private static final char[] CHAR_OF_BYTE = new char[256];
    private static final short[] BYTE_OF_CHAR = new short[256 + 256];

    static {
        Arrays.fill(BYTE_OF_CHAR, (short) -1);
        int moved = 0;
        for (int value = 0; value < 256; value++) {
            boolean printable = (value >= '!' && value <= '~') || (value >= 0xa1 && value <= 0xac) || value >= 0xae;
            char c = (char) (printable ? value : 256 + moved++);
            CHAR_OF_BYTE[value] = c;
            BYTE_OF_CHAR[c] = (short) value;
        }
    }

    private ByteLevel() {}

    /** The character that stands for a byte (0 to 255). */
    static char character(int value) {
        return CHAR_OF_BYTE[value];
    }

    /** The bytes a token stands for; a token with any character outside of the alphabet stands for its own UTF-8. */
    static byte[] bytes(String token) {
        byte[] bytes = alphabetBytes(token);
        return bytes != null ? bytes : token.getBytes(StandardCharsets.UTF_8);
    }

    private static byte @Nullable [] alphabetBytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            int value = c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
            if (value < 0) {
                return null;
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }

    /** The inverse of {@link #bytes} for tokens within the alphabet. */
    static String token(byte[] bytes, int length) {
        char[] chars = new char[length];
        for (int i = 0; i < length; i++) {
            chars[i] = CHAR_OF_BYTE[bytes[i] & 0xff];
        }
        return new String(chars);
    }
}
