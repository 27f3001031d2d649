package dev.fathom.text.jinja;

import java.time.Clock;

/**
 * One rendering under way: where it is, for messages, and how much work it may still do. For one thread.
 *
 * <p>A step is the evaluation of one expression, the handling of one list element, or of {@value #CHARACTERS_PER_STEP}
 * characters; all memory a template can take is paid for in steps first.
 */
final class Execution {
    /** Nested evaluations: brackets, statements, macro calls, nested values. Python allows about 1000 calls. */
    static final int MAX_DEPTH = 400;

    private static final int CHARACTERS_PER_STEP = 8;

    private final String source;
    private final Clock clock;
    private long maxSteps;
    private long steps;
    private int depth;
    private int position;

    Execution(String source, long maxSteps, Clock clock) {
        this.source = source;
        this.maxSteps = maxSteps;
        this.clock = clock;
    }

    Clock clock() {
        return clock;
    }

    /** Errors from here on belong to this place of the template. */
    void at(int place) {
        position = place;
    }

    int position() {
        return position;
    }

    /** More input may take more work. */
    void grant(long count) {
        maxSteps += count;
    }

    void charge(long count) {
        if (count < 0 || count > maxSteps - steps) {
            throw error("the template does too much work on this input (more than " + maxSteps + " steps)");
        }
        steps += count;
    }

    /** Pays for a text of that many characters, before it is made. */
    void chargeText(long characters) {
        charge(characters / CHARACTERS_PER_STEP + 1);
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw error(
                    "maximum recursion depth exceeded: calls or values are nested more than " + MAX_DEPTH + " deep");
        }
    }

    void leave() {
        depth--;
    }

    JinjaException error(String message) {
        return JinjaException.at(source, position, message);
    }

    JinjaException raised(String message) {
        return JinjaException.raised(source, position, message);
    }

    /** A text that is complete: pays for it. */
    String text(String made) {
        chargeText(made.length());
        return made;
    }
}
