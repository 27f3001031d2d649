package dev.fathom.text.regex;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A compiled pattern; immutable and safe for use by many threads, each with its own {@link Finder}. */
public final class Regex {
    private final Program.Code code;
    private final @Nullable CodePointSet first;

    private Regex(Node node) {
        this.code = Program.compile(node);
        this.first = node.nullable() ? null : new CodePointSet(node::mayBeginWith);
    }

    /** @throws RegexException naming the construct and its index, if the pattern is wrong or not supported */
    public static Regex compile(String pattern) {
        return new Regex(RegexParser.parse(pattern));
    }

    /** Matches exactly this text. */
    public static Regex literal(String text) {
        List<Node> parts = new ArrayList<>();
        text.codePoints().forEach(wanted -> parts.add(new Node.Chars(new CodePointSet(c -> c == wanted))));
        return new Regex(new Node.Sequence(List.copyOf(parts)));
    }

    /** A search of this pattern, to be pointed at a text by {@link Finder#reset}. */
    public Finder finder() {
        return new Finder(code, first);
    }
}
