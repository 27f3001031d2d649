package dev.fathom.checkpoint.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on a hub as people name it: {@code deepseek-ai/DeepSeek-V2-Lite}, and after a colon which of its GGUF files.
 *
 * @param file  a file's path in the repository, or a part of its name such as {@code Q4_K_M}
 */
public record HubId(String owner, String name, Optional<String> file) {
    private static final Pattern TEXT =
            Pattern.compile("([A-Za-z0-9][A-Za-z0-9._-]{0,95})/([A-Za-z0-9][A-Za-z0-9._-]{0,95})(?::([^:]+))?");

    /** Empty where the text cannot be one: an absolute path, a path of one or of three names, and so on. */
    public static Optional<HubId> parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches() || text.contains("..") || text.contains("--")) {
            return Optional.empty();
        }
        return Optional.of(new HubId(matcher.group(1), matcher.group(2), Optional.ofNullable(matcher.group(3))));
    }

    /** {@code owner/name}. */
    public String repository() {
        return owner + "/" + name;
    }

    /** As it was given. */
    @Override
    public String toString() {
        return repository() + file.map(part -> ":" + part).orElse("");
    }
}
