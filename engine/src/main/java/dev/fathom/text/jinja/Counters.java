package dev.fathom.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The helpers {@code cycler} and {@code joiner}. */
final class Counters {
    private Counters() {}

    /** Gives its items in turn. */
    static final class Cycler {
        private final List<Object> items;
        private int at;

        Cycler(List<Object> items) {
            this.items = items;
        }

        @Nullable
        Object attribute(String name) {
            return switch (name) {
                case "current" -> items.get(at);
                case "pos" -> (long) at;
                case "items" -> new PyList(items, true);
                case "next" ->
                    new BoundMethod(name, this, arguments -> {
                        Object item = items.get(at);
                        at = (at + 1) % items.size();
                        return item;
                    });
                case "reset" ->
                    new BoundMethod(name, this, arguments -> {
                        at = 0;
                        return None.NONE;
                    });
                default -> null;
            };
        }
    }

    /** Empty the first time, the separator from then on. */
    static final class Joiner implements Callable {
        private final Object separator;
        private boolean used;

        Joiner(Object separator) {
            this.separator = separator;
        }

        @Override
        public Object call(Arguments arguments) {
            Object text = used ? separator : "";
            used = true;
            return text;
        }
    }
}
