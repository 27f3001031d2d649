package dev.fathom.serve;

/**
 * Tokens of one sequence.
 *
 * @param cachedTokens prompt tokens taken from the prefix cache instead of computed
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens) {}
