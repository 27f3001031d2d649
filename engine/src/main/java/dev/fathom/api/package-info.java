/** What a caller of the engine sees: requests, sampling parameters, events, errors. Imports nothing else of Fathom. */
@NullMarked
package dev.fathom.api;

import org.jspecify.annotations.NullMarked;
