package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop}. */
final class LoopContext implements Callable {
    private final Execution execution;
    private final int depth;
    private final @Nullable Callable recursion;
    private Iterator<Object> items;
    private int length;
    private int index;
    private @Nullable Object before;
    private @Nullable Object current;
    private @Nullable Object after;
    private @Nullable List<Object> lastChanged;

    /**
     * @param length    of the iterable, or -1 when only counting tells
     * @param depth     of recursive loops, from 0
     * @param recursion renders the loop for another iterable; null if it is not recursive
     */
    LoopContext(Execution execution, Iterator<Object> items, int length, int depth, @Nullable Callable recursion) {
        this.execution = execution;
        this.items = items;
        this.length = length;
        this.depth = depth;
        this.recursion = recursion;
    }

    /** Moves to the next element, if there is one. */
    boolean advance() {
        Object next = peek();
        if (next == null) {
            return false;
        }
        after = null;
        before = current;
        current = next;
        index++;
        return true;
    }

    private @Nullable Object peek() {
        if (after == null && items.hasNext()) {
            after = items.next();
        }
        return after;
    }

    Object current() {
        if (current == null) {
            throw new IllegalStateException("the loop has not begun");
        }
        return current;
    }

    /** From 1. */
    int index() {
        return index;
    }

    /** Counts the elements that are left when the length is not known yet. */
    int length() {
        if (length < 0) {
            List<Object> left = new ArrayList<>();
            while (items.hasNext()) {
                execution.charge(1);
                left.add(items.next());
            }
            items = left.iterator();
            length = left.size() + index + (after == null ? 0 : 1);
        }
        return length;
    }

    /** The elements that are left, taken from the loop itself. */
    Iterator<Object> rest() {
        List<Object> rest = new ArrayList<>();
        while (advance()) {
            execution.charge(1);
            rest.add(PyList.tuple(current(), this));
        }
        return rest.iterator();
    }

    @Nullable
    Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) index;
            case "index0" -> (long) index - 1;
            case "revindex" -> (long) length() - index + 1;
            case "revindex0" -> (long) length() - index;
            case "first" -> index == 1;
            case "last" -> peek() == null;
            case "length" -> (long) length();
            case "depth" -> (long) depth + 1;
            case "depth0" -> (long) depth;
            case "previtem" -> index == 1 || before == null ? new Undefined("there is no previous item") : before;
            case "nextitem" -> {
                Object next = peek();
                yield next == null ? new Undefined("there is no next item") : next;
            }
            case "cycle" -> new BoundMethod(name, this, this::cycle);
            case "changed" -> new BoundMethod(name, this, this::changed);
            default -> null;
        };
    }

    private Object cycle(Arguments arguments) {
        List<Object> values = arguments.positional();
        if (values.isEmpty()) {
            throw execution.error("no items for cycling given");
        }
        return values.get((index - 1) % values.size());
    }

    private Object changed(Arguments arguments) {
        List<Object> values = arguments.positional();
        List<Object> last = lastChanged;
        boolean changed = last == null || !Values.equal(execution, new PyList(last, true), new PyList(values, true));
        lastChanged = values;
        return changed;
    }

    @Override
    public Object call(Arguments arguments) {
        if (recursion == null) {
            throw execution.error("The loop must have the 'recursive' marker to be called recursively.");
        }
        return recursion.call(arguments);
    }
}
