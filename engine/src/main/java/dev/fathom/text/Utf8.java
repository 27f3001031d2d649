package dev.fathom.text;

/** UTF-8 as the reference tokenizer reads and writes it: what is not well formed becomes U+FFFD. */
final class Utf8 {
    private static final char REPLACEMENT = '\uFFFD';

    private Utf8() {}

    /** Replaces lone surrogates, which have no UTF-8 form, by U+FFFD. */
    static String wellFormed(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return replaceLoneSurrogates(text);
            }
        }
        return text;
    }

    private static String replaceLoneSurrogates(String text) {
        StringBuilder fixed = new StringBuilder(text);
        for (int i = 0; i < fixed.length(); i++) {
            if (i + 1 < fixed.length() && Character.isSurrogatePair(fixed.charAt(i), fixed.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(fixed.charAt(i))) {
                fixed.setCharAt(i, REPLACEMENT);
            }
        }
        return fixed.toString();
    }

    /** Writes {@code text[from, to)}, which has no lone surrogates; the number of bytes, at most three per character. */
    static int encode(String text, int from, int to, byte[] out) {
        int length = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                out[length++] = (byte) c;
            } else if (c < 0x800) {
                out[length++] = (byte) (0xc0 | (c >> 6));
                out[length++] = (byte) (0x80 | (c & 0x3f));
            } else if (Character.isHighSurrogate(c)) {
                int codePoint = Character.toCodePoint(c, text.charAt(++i));
                out[length++] = (byte) (0xf0 | (codePoint >> 18));
                out[length++] = (byte) (0x80 | ((codePoint >> 12) & 0x3f));
                out[length++] = (byte) (0x80 | ((codePoint >> 6) & 0x3f));
                out[length++] = (byte) (0x80 | (codePoint & 0x3f));
            } else {
                out[length++] = (byte) (0xe0 | (c >> 12));
                out[length++] = (byte) (0x80 | ((c >> 6) & 0x3f));
                out[length++] = (byte) (0x80 | (c & 0x3f));
            }
        }
        return length;
    }

    /**
     * A decoder fed byte by byte; for one thread.
     *
     * <p>Each maximal beginning of a character that does not go on becomes one U+FFFD, as does each byte that can begin
     * none: the practice of the Unicode standard (section 3.9) and of Rust's {@code from_utf8_lossy}. The JDK's decoder
     * counts differently, for example for encoded surrogates.
     */
    static final class Decoder {
        private int partial;
        private int missing;
        /** The range the next continuation byte must be in. */
        private int low = 0x80;

        private int high = 0xbf;

        void decode(byte[] bytes, StringBuilder out) {
            for (byte signed : bytes) {
                int value = signed & 0xff;
                if (missing > 0 && value >= low && value <= high) {
                    follow(value, out);
                } else {
                    end(out);
                    begin(value, out);
                }
            }
        }

        /** Whether a character has begun whose other bytes have not come yet. */
        boolean isPending() {
            return missing > 0;
        }

        /** Writes U+FFFD for a character that has begun and will not be completed. */
        void end(StringBuilder out) {
            if (missing > 0) {
                missing = 0;
                out.append(REPLACEMENT);
            }
        }

        private void follow(int value, StringBuilder out) {
            partial = (partial << 6) | (value & 0x3f);
            low = 0x80;
            high = 0xbf;
            if (--missing == 0) {
                out.appendCodePoint(partial);
            }
        }

        private void begin(int value, StringBuilder out) {
            if (value < 0x80) {
                out.append((char) value);
            } else if (value >= 0xc2 && value <= 0xdf) {
                expect(value & 0x1f, 1, 0x80, 0xbf);
            } else if (value >= 0xe0 && value <= 0xef) {
                // No overlong forms after e0, no surrogates after ed.
                expect(value & 0x0f, 2, value == 0xe0 ? 0xa0 : 0x80, value == 0xed ? 0x9f : 0xbf);
            } else if (value >= 0xf0 && value <= 0xf4) {
                expect(value & 0x07, 3, value == 0xf0 ? 0x90 : 0x80, value == 0xf4 ? 0x8f : 0xbf);
            } else {
                out.append(REPLACEMENT);
            }
        }

        private void expect(int bits, int bytes, int from, int to) {
            partial = bits;
            missing = bytes;
            low = from;
            high = to;
        }
    }
}
