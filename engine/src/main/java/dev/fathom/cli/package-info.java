/** Rank 6: commands; the only place that reads flags, environment and system properties. */
@NullMarked
package dev.fathom.cli;

import org.jspecify.annotations.NullMarked;
