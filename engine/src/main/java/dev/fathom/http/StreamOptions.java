package dev.fathom.http;

import dev.fathom.api.RequestException;

/**
 * How an OpenAI answer is streamed.
 *
 * @param includeUsage     one more chunk with the token counts at the end
 * @param continuousUsage  the token counts so far in every chunk
 */
record StreamOptions(boolean stream, boolean includeUsage, boolean continuousUsage) {
    static StreamOptions read(JsonFields fields) {
        boolean stream = fields.flag("stream", false);
        JsonFields options = fields.object("stream_options");
        if (options == null) {
            return new StreamOptions(stream, false, false);
        }
        if (!stream) {
            throw RequestException.invalid("stream_options", "stream_options needs stream to be true.");
        }
        boolean include = options.flag("include_usage", false);
        boolean continuous = options.flag("continuous_usage_stats", false);
        options.refuse("include_obfuscation");
        options.end();
        return new StreamOptions(true, include, continuous);
    }
}
