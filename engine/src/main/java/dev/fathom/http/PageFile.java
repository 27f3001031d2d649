package dev.fathom.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A file of the web page, from the resources.
 *
 * @param tag  its ETag, quotes included: the same content has the same tag, on every machine
 */
record PageFile(String contentType, byte[] content, String tag) {
    private static final int TAG_BYTES = 12;

    /** @param name below {@code resources/web} */
    static PageFile load(String name) {
        try (InputStream in = PageFile.class.getResourceAsStream("/web/" + name)) {
            if (in == null) {
                throw new IllegalStateException("web/" + name + " is not on the class path");
            }
            byte[] content = in.readAllBytes();
            return new PageFile(contentType(name), content, tag(content));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param ifNoneMatch the request's header, empty if there is none: a list of tags, or an asterisk */
    boolean isKnown(String ifNoneMatch) {
        return Arrays.stream(ifNoneMatch.split(","))
                .map(String::trim)
                .map(known -> known.startsWith("W/") ? known.substring(2) : known)
                .anyMatch(known -> known.equals(tag) || known.equals("*"));
    }

    private static String contentType(String name) {
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "html" -> "text/html; charset=utf-8";
            case "css" -> "text/css; charset=utf-8";
            case "js" -> "text/javascript; charset=utf-8";
            case "svg" -> "image/svg+xml";
            default -> throw new IllegalArgumentException("web/" + name + ": no content type is known for it");
        };
    }

    private static String tag(byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return '"' + HexFormat.of().formatHex(digest, 0, TAG_BYTES) + '"';
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has SHA-256
        }
    }
}
