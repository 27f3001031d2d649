/** Rank 4: one thread that schedules sequences into batches, runs the model and samples. */
@NullMarked
package dev.fathom.engine;

import org.jspecify.annotations.NullMarked;
