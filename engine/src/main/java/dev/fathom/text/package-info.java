/** Rank 1: text to tokens and back: tokenizer, chat templates, detokenizing, stop strings. */
@NullMarked
package dev.fathom.text;

import org.jspecify.annotations.NullMarked;
