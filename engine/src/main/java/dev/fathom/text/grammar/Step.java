package dev.fathom.text.grammar;

import org.jspecify.annotations.Nullable;

/**
 * What a node lets through, whatever surrounds its rule: tokens that are read to their end, and the places in the token
 * trie where the rule is complete and the rest is for its caller to read.
 *
 * @param bits   [vocabulary / 64] the tokens as bits, or null where they are few
 * @param few    the tokens as ids, empty where there are bits
 */
record Step(long @Nullable [] bits, int[] few, Places exits) {
    void addTo(long[] mask) {
        if (bits != null) {
            for (int i = 0; i < mask.length; i++) {
                mask[i] |= bits[i];
            }
        }
        for (int id : few) {
            mask[id >>> 6] |= 1L << id;
        }
    }
}
