/** Rank 2: checkpoints come from a hub into its cache on disk, over HTTP. */
@NullMarked
package dev.fathom.checkpoint.hub;

import org.jspecify.annotations.NullMarked;
