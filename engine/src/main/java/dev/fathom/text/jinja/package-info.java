/**
 * An interpreter of Jinja templates as chat templates use them: Python's values and Jinja 2's rules, with the settings
 * Hugging Face transformers renders with, and a bound on the work.
 *
 * <p>Templates come with the model and messages from anyone, so neither may hang or overflow the server. What is not
 * supported is an error with line and column.
 */
@NullMarked
package dev.fathom.text.jinja;

import org.jspecify.annotations.NullMarked;
