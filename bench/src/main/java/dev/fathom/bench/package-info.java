/** Benchmarks and what they need. Not shipped. */
@NullMarked
package dev.fathom.bench;

import org.jspecify.annotations.NullMarked;
