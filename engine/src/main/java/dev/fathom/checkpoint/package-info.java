/** Rank 1: checkpoint files to weights and configuration, every byte checked before use. */
@NullMarked
package dev.fathom.checkpoint;

import org.jspecify.annotations.NullMarked;
