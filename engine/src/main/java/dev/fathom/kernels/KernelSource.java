package dev.fathom.kernels;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The text of some kernels and how it is compiled: all that decides what comes out, but for the compiler.
 *
 * @param name     what the kernels are for, as a part of a file name
 * @param target   system, processor family and instruction set, as a part of a file name: {@code linux-x86_64-avx2}
 * @param files    text by file name
 * @param options  of the compiler, shape constants included
 */
public record KernelSource(String name, String target, SortedMap<String, String> files, List<String> options) {
    private static final String FILE_NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]*";

    public KernelSource {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
        options = List.copyOf(options);
        requireFileName(name);
        requireFileName(target);
        files.keySet().forEach(KernelSource::requireFileName);
    }

    private static void requireFileName(String name) {
        if (!name.matches(FILE_NAME)) {
            throw new IllegalArgumentException("\"" + name + "\" must be a plain file name");
        }
    }

    /** A hash of everything here. It can be computed where there is no compiler. */
    String index() {
        MessageDigest digest = sha256();
        add(digest, name);
        add(digest, target);
        for (Map.Entry<String, String> file : files.entrySet()) {
            add(digest, file.getKey());
            add(digest, file.getValue());
        }
        options.forEach(option -> add(digest, option));
        return HexFormat.of().formatHex(digest.digest());
    }

    /** A text with its length before it, so that no two lists of texts look alike. */
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
        digest.update(bytes);
    }

    static String hash(byte[] bytes) {
        return HexFormat.of().formatHex(sha256().digest(bytes));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
