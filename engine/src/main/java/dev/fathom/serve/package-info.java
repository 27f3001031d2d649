/** Rank 5: text around the engine: requests in words become token sequences and back. */
@NullMarked
package dev.fathom.serve;

import org.jspecify.annotations.NullMarked;
