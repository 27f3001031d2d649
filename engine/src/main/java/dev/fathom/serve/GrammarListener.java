package dev.fathom.serve;

import java.time.Duration;

/** Hears of the grammars of requests, on the requesters' threads. */
public interface GrammarListener {
    GrammarListener NONE = new GrammarListener() {};

    /** A grammar was prepared. */
    default void prepared(Duration time) {}

    /** A grammar was there already, or another request was preparing it. */
    default void known() {}

    /** A grammar was wrong, not supported, or took too much time or room; its request was refused. */
    default void refused() {}
}
