/** Rank 2: what the engine sees of a model. Architectures live in sub-packages. */
@NullMarked
package dev.fathom.model;

import org.jspecify.annotations.NullMarked;
