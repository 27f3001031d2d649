package dev.fathom.text.jinja;

/** A string marked as not needing HTML escapes, by the filters {@code safe} and {@code escape}. */
record SafeText(String text) {
    /** As Python's markupsafe escapes. */
    static SafeText escape(String text) {
        return new SafeText(text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;"));
    }
}
