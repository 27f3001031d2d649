package dev.fathom.text;

import dev.fathom.text.jinja.JinjaException;
import dev.fathom.text.jinja.JinjaTemplate;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Jinja as Hugging Face transformers renders it. */
final class JinjaChatTemplate implements ChatTemplate {
    private final JinjaTemplate template;
    private final String where;

    private JinjaChatTemplate(JinjaTemplate template, String where) {
        this.template = template;
        this.where = where;
    }

    /** @throws TemplateException with line and column, if the template is wrong or uses what is not supported */
    static JinjaChatTemplate parse(String jinja, String where) {
        try {
            return new JinjaChatTemplate(JinjaTemplate.parse(jinja), where);
        } catch (JinjaException e) {
            throw new TemplateException(where, e);
        }
    }

    @Override
    public String render(Map<String, ? extends @Nullable Object> variables) {
        try {
            return template.render(variables);
        } catch (JinjaException e) {
            throw new TemplateException(where, e);
        }
    }
}
