/**
 * The regular expressions of tokenizer files (Oniguruma's syntax), matched without recursion and within a bound on work.
 *
 * <p>Why not {@code java.util.regex}: its syntax differs silently (ASCII classes, line ends, flags), it overflows the
 * stack on repeated groups, and one long run of blanks costs it time quadratic in the length.
 */
@NullMarked
package dev.fathom.text.regex;

import org.jspecify.annotations.NullMarked;
