package dev.fathom.text;

/**
 * A token that is recognised in text before any splitting.
 *
 * @param content    as written in text
 * @param singleWord only where no word character is next to it
 * @param lstrip     takes the blanks before it along
 * @param rstrip     takes the blanks behind it along
 * @param normalized looked for after normalization, else before
 * @param special    left out by {@code skipSpecial}
 */
record AddedToken(
        int id,
        String content,
        boolean singleWord,
        boolean lstrip,
        boolean rstrip,
        boolean normalized,
        boolean special) {}
