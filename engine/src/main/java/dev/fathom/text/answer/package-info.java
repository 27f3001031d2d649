/** Rank 1: what a model writes, taken apart: reasoning, content, tool calls. Marks and characters, no tokens. */
@NullMarked
package dev.fathom.text.answer;

import org.jspecify.annotations.NullMarked;
