package dev.fathom.text;

import dev.fathom.text.jinja.JinjaException;
import dev.fathom.text.jinja.JinjaTemplate;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The template that turns a chat into a prompt: Jinja as Hugging Face transformers renders it. Safe for use by many
 * threads.
 */
public final class ChatTemplate {
    private final JinjaTemplate template;
    private final String where;

    private ChatTemplate(JinjaTemplate template, String where) {
        this.template = template;
        this.where = where;
    }

    /**
     * Reads a template.
     *
     * @param where the file's name for messages
     * @throws TemplateException with line and column, if the template is wrong or uses what is not supported
     */
    public static ChatTemplate parse(String jinja, String where) {
        try {
            return new ChatTemplate(JinjaTemplate.parse(jinja), where);
        } catch (JinjaException e) {
            throw new TemplateException(where, e);
        }
    }

    /**
     * The prompt for a chat.
     *
     * @param variables what the template reads: {@code messages}, {@code tools}, {@code add_generation_prompt},
     *     {@code bos_token} and the like; strings, numbers, booleans, nulls, and lists and maps of them, in whose order
     *     JSON is written
     * @throws TemplateException with line and column, if the template fails on this chat or does too much work
     */
    public String render(Map<String, ? extends @Nullable Object> variables) {
        try {
            return template.render(variables);
        } catch (JinjaException e) {
            throw new TemplateException(where, e);
        }
    }
}
