package dev.fathom.text;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What turns a chat into a prompt. Safe for use by many threads. */
public interface ChatTemplate {
    /**
     * Reads a Jinja template.
     *
     * @param where the file's name for messages
     * @throws TemplateException with line and column, if the template is wrong or uses what is not supported
     */
    static ChatTemplate parse(String jinja, String where) {
        return JinjaChatTemplate.parse(jinja, where);
    }

    /** DeepSeek-V3.2's format, which is published as a program and not as a template. */
    static ChatTemplate deepSeekV32() {
        return new DeepSeekV32Prompt();
    }

    /**
     * The prompt for a chat.
     *
     * @param variables what the template reads: {@code messages}, {@code tools}, {@code add_generation_prompt},
     *     {@code bos_token} and the like; strings, numbers, booleans, nulls, and lists and maps of them, in whose order
     *     JSON is written
     * @throws TemplateException with line and column where it has them, if the template fails on this chat or does too
     *     much work
     */
    String render(Map<String, ? extends @Nullable Object> variables);

    /** Whether it reads {@code tools} and {@code response_format} of system and developer messages. */
    default boolean readsToolsOfMessages() {
        return false;
    }
}
