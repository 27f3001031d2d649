package dev.fathom.engine;

/**
 * Where the engine stands, every few decode steps.
 *
 * @param tokens           cache slots that running requests hold
 * @param tokenUsage       their share of all slots, in [0, 1]
 * @param tokensPerSecond  tokens generated since the last call, by the clock
 */
public record DecodeStats(
        int runningRequests, int tokens, double tokenUsage, double tokensPerSecond, int queuedRequests) {}
