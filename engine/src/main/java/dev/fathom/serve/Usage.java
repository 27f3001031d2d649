package dev.fathom.serve;

/**
 * Tokens of one sequence.
 *
 * @param cachedTokens     prompt tokens taken from the prefix cache instead of computed
 * @param reasoningTokens  completion tokens of the reasoning, its marks included
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens, int reasoningTokens) {}
