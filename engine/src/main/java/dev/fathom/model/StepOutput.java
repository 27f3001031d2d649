package dev.fathom.model;

import dev.fathom.tensor.Tensor;

/**
 * What a step computed, valid until its scratch is reset.
 *
 * @param logits  [outputRows, vocabulary]
 * @param hidden  [outputRows, hidden], after the final norm: what a next-n layer drafts from
 */
public record StepOutput(Tensor logits, Tensor hidden) {}
