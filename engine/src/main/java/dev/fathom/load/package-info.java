/** Rank 4: the only place that names architectures and backends: a checkpoint becomes a model that runs. */
@NullMarked
package dev.fathom.load;

import org.jspecify.annotations.NullMarked;
