/** Rank 6: routes, JSON and server-sent events. */
@NullMarked
package dev.fathom.http;

import org.jspecify.annotations.NullMarked;
