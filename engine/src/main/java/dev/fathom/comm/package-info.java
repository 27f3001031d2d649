/** Rank 1: collectives between ranks. */
@NullMarked
package dev.fathom.comm;

import org.jspecify.annotations.NullMarked;
