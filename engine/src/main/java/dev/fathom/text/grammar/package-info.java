/**
 * Grammars that output must follow: JSON Schema, EBNF and regular expressions become a pushdown automaton over bytes, and
 * that says at each step which tokens of a vocabulary may come next.
 */
@NullMarked
package dev.fathom.text.grammar;

import org.jspecify.annotations.NullMarked;
