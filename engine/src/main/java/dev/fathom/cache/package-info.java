/** Rank 2: pages of the key-value cache and the radix tree of prefixes over them. */
@NullMarked
package dev.fathom.cache;

import org.jspecify.annotations.NullMarked;
