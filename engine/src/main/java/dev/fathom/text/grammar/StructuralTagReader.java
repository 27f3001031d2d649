package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Reads structural tags, which say where free text turns into grammars: xgrammar's formats, and SGLang's older list of
 * structures with triggers.
 *
 * @see "xgrammar 0.2.8, structural_tag.py"
 */
final class StructuralTagReader {
    private static final int MOST_REPETITIONS = 1 << 20;

    /** Formats that count or choose tokens; a grammar here knows characters and special tokens only. */
    private static final Set<String> BY_TOKEN =
            Set.of("exclude_token", "any_tokens", "token_triggered_tags", "token_dispatch");

    private final Rules rules;
    private final GrammarOptions options;
    private final Marks marks;
    private final Json json;

    StructuralTagReader(Rules rules, GrammarOptions options, Marks marks) {
        this.rules = rules;
        this.options = options;
        this.marks = marks;
        this.json = new Json(rules, options.anySpace());
    }

    /** @throws GrammarException naming what is wrong or not supported, and where */
    int root(JsonNode tree) {
        Expr format = structuralTag(new TagFields("structural_tag", tree));
        int root = rules.declare("root");
        rules.define(root, format);
        return root;
    }

    private Expr structuralTag(TagFields fields) {
        fields.accept("type");
        Expr format = fields.has("format") ? format(fields.required("format"), List.of()) : legacy(fields);
        fields.end();
        return format;
    }

    /** Free text; a trigger in it begins one of the structures. */
    private Expr legacy(TagFields fields) {
        List<Tag> tags = new ArrayList<>();
        for (TagFields structure : fields.objects("structures")) {
            tags.add(new Tag(
                    structure.text("begin"),
                    SchemaGrammar.root(rules, json, structure.schema("schema"), options.closedObjects()),
                    List.of(structure.text("end")),
                    structure.where()));
            structure.end();
        }
        return triggered(fields.texts("triggers"), tags, List.of(), true, fields.where());
    }

    /**
     * @param content  the rule of what stands between begin and end
     * @param end      one of these ends it
     */
    private record Tag(String begin, int content, List<String> end, String where) {}

    /** @param ends what ends the tag around it: free text stops there */
    private Expr format(TagFields fields, List<String> ends) {
        String type = fields.text("type");
        Expr expr = switch (type) {
            case "const_string" -> marks.literal(fields.text("value"));
            case "json_schema" -> schema(fields);
            case "grammar" -> new Expr.Call(EbnfParser.root(rules, fields.text("grammar")));
            case "regex" -> new Expr.Text(PatternDfa.whole(fields.text("pattern"), rules.budget()), Expr.Form.RAW);
            case "any_text" -> anyText(fields, ends);
            case "token" -> token(fields);
            case "sequence" -> new Expr.Sequence(formats(fields, ends));
            case "or" -> new Expr.Choice(formats(fields, ends));
            case "optional" -> Expr.optional(content(fields, ends));
            case "plus" -> new Expr.Repeat(content(fields, ends), 1, Expr.UNBOUNDED);
            case "star" -> Expr.star(content(fields, ends));
            case "repeat" -> repeat(fields, ends);
            case "tag" -> expr(tag(fields));
            case "triggered_tags" -> triggeredTags(fields, ends);
            case "tags_with_separator" -> separated(fields);
            case "dispatch" -> dispatch(fields);
            case "structural_tag" -> structuralTag(fields);
            default -> throw refused(fields, type);
        };
        fields.end();
        return expr;
    }

    private static GrammarException refused(TagFields fields, String type) {
        if (BY_TOKEN.contains(type) || type.equals("qwen_xml_parameter")) {
            return new GrammarException(fields.where() + " has the type " + type + ", which is not supported.");
        }
        return new GrammarException(fields.where() + ".type \"" + type + "\" is not known.");
    }

    private List<Expr> formats(TagFields fields, List<String> ends) {
        List<Expr> all = new ArrayList<>();
        for (TagFields element : fields.objects("elements")) {
            all.add(format(element, ends));
        }
        if (all.isEmpty()) {
            throw new GrammarException(fields.where() + ".elements is empty: at least one format must be there.");
        }
        return all;
    }

    private Expr content(TagFields fields, List<String> ends) {
        return rules.add("content", format(fields.required("content"), ends));
    }

    private Expr schema(TagFields fields) {
        String style = fields.text("style", "json");
        fields.unsupported("any_order", false);
        fields.unsupported("excludes", List.of());
        int space = fields.number("max_whitespace_cnt", -1);
        Json spaced = space < 0 ? json : new Json(rules, Math.min(space, MOST_REPETITIONS));
        JsonNode schema = fields.schema("json_schema");
        return switch (style) {
            case "json" -> new Expr.Call(SchemaGrammar.root(rules, spaced, schema, options.closedObjects()));
            case "deepseek_xml" -> SchemaGrammar.tagged(rules, spaced, schema, options.closedObjects(), marks);
            default ->
                throw new GrammarException(
                        fields.where() + ".style must be json or deepseek_xml: \"" + style + "\" is not supported.");
        };
    }

    private Expr anyText(TagFields fields, List<String> ends) {
        fields.unsupported("max_tokens", null);
        List<String> excludes = new ArrayList<>(fields.texts("excludes", List.of()));
        excludes.addAll(ends);
        int most = fields.number("max_chars", Expr.UNBOUNDED);
        if (excludes.isEmpty()) {
            return new Expr.Repeat(Expr.raw(CodePoints.ALL_AND_MARKS), 0, most);
        }
        TextDfa text = until(excludes, fields.where()).text();
        if (most != Expr.UNBOUNDED) {
            text = text.and(TextDfa.lengths(0, most, CodePoints.ALL_AND_MARKS, rules.budget()), rules.budget());
        }
        return new Expr.Text(text, Expr.Form.RAW);
    }

    private FreeText until(List<String> patterns, String where) {
        for (String pattern : patterns) {
            if (pattern.isEmpty()) {
                throw new GrammarException(
                        where + " looks for an empty text (a trigger, a pattern or an exclusion): it is everywhere.");
            }
        }
        return FreeText.until(
                patterns.stream().map(marks::characters).toList(), CodePoints.ALL_AND_MARKS, rules.budget());
    }

    /** Text tokens can be spelled in other ways, so that only special ones can be asked for. */
    private Expr token(TagFields fields) {
        String text = fields.text("token");
        int[] characters = marks.characters(text);
        if (characters.length != 1 || characters[0] < Marks.first()) {
            throw new GrammarException(fields.where() + ".token must be the text of a special token: \"" + text
                    + "\" is none. Use const_string.");
        }
        return Expr.raw(CodePoints.one(characters[0]));
    }

    private Expr repeat(TagFields fields, List<String> ends) {
        int min = fields.number("min", 0);
        int max = fields.number("max", -1);
        if (max > MOST_REPETITIONS || min > MOST_REPETITIONS || (max >= 0 && min > max)) {
            throw new GrammarException(fields.where() + " needs min <= max, both at most " + MOST_REPETITIONS
                    + ", or a max of -1 for no bound.");
        }
        return new Expr.Repeat(content(fields, ends), min, max < 0 ? Expr.UNBOUNDED : max);
    }

    private Tag tag(TagFields fields) {
        String begin = fields.text("begin");
        List<String> ends = fields.textOrTexts("end");
        if (ends.isEmpty()) {
            throw new GrammarException(fields.where() + ".end is empty: at least one text must be there.");
        }
        List<String> told = ends.stream().filter(end -> !end.isEmpty()).toList();
        TagFields content = fields.required("content");
        if (told.isEmpty() && content.isUnlimited()) {
            throw new GrammarException(
                    fields.where() + ".end is empty, but its content is any text: say where it ends.");
        }
        int rule = rules.declare("content");
        rules.define(rule, format(content, told));
        fields.end();
        return new Tag(begin, rule, ends, fields.where());
    }

    private Expr expr(Tag tag) {
        return expr(tag, 0);
    }

    /** @param written how many characters of the beginning are there already */
    private Expr expr(Tag tag, int written) {
        int[] begin = marks.characters(tag.begin());
        List<Expr> ends = tag.end().stream().map(marks::literal).toList();
        return Expr.sequence(
                Marks.literal(Arrays.copyOfRange(begin, written, begin.length)),
                new Expr.Call(tag.content()),
                new Expr.Choice(ends));
    }

    private List<Tag> tags(TagFields fields) {
        List<Tag> tags = new ArrayList<>();
        for (TagFields tag : fields.objects("tags")) {
            if (!tag.text("type", "tag").equals("tag")) {
                throw new GrammarException(tag.where() + ".type must be tag.");
            }
            tags.add(tag(tag));
        }
        if (tags.isEmpty()) {
            throw new GrammarException(fields.where() + ".tags is empty: at least one tag must be there.");
        }
        return tags;
    }

    private Expr triggeredTags(TagFields fields, List<String> ends) {
        List<String> triggers = fields.texts("triggers");
        List<Tag> tags = tags(fields);
        boolean first = fields.flag("at_least_one");
        boolean again = !fields.flag("stop_after_first");
        List<String> excludes = new ArrayList<>(fields.texts("excludes", List.of()));
        excludes.addAll(ends);
        if (!first) {
            return triggered(triggers, tags, excludes, again, fields.where());
        }
        Expr one = new Expr.Choice(tags.stream().map(this::expr).toList());
        return again ? Expr.sequence(one, triggered(triggers, tags, excludes, true, fields.where())) : one;
    }

    private Expr triggered(List<String> triggers, List<Tag> tags, List<String> excludes, boolean again, String where) {
        if (triggers.isEmpty()) {
            throw new GrammarException(where + ".triggers is empty: at least one text must be there.");
        }
        List<List<Expr>> byTrigger = new ArrayList<>();
        triggers.forEach(trigger -> byTrigger.add(new ArrayList<>()));
        for (Tag tag : tags) {
            List<Integer> matching = new ArrayList<>();
            for (int i = 0; i < triggers.size(); i++) {
                if (begins(tag.begin(), triggers.get(i))) {
                    matching.add(i);
                }
            }
            if (matching.size() != 1) {
                throw new GrammarException(tag.where() + ".begin \"" + tag.begin() + "\" must begin with exactly one of"
                        + " the triggers, it begins with " + matching.size() + ".");
            }
            int trigger = matching.getFirst();
            byTrigger.get(trigger).add(expr(tag, marks.characters(triggers.get(trigger)).length));
        }
        List<Expr> then = new ArrayList<>();
        byTrigger.forEach(choices -> then.add(new Expr.Choice(choices)));
        return dispatch(triggers, then, excludes, again, where);
    }

    /** Half of a special token is no beginning of it. */
    private boolean begins(String text, String trigger) {
        int[] begin = marks.characters(trigger);
        int[] all = marks.characters(text);
        return begin.length <= all.length && Arrays.equals(begin, 0, begin.length, all, 0, begin.length);
    }

    private Expr dispatch(TagFields fields) {
        List<String> patterns = new ArrayList<>();
        List<Expr> then = new ArrayList<>();
        for (JsonNode rule : fields.array("rules")) {
            String where = fields.where() + ".rules[" + patterns.size() + "]";
            if (!rule.isArray() || rule.size() != 2 || !rule.get(0).isString()) {
                throw new GrammarException(where + " must be [pattern, format].");
            }
            patterns.add(rule.get(0).stringValue());
            then.add(format(new TagFields(where + "[1]", rule.get(1)), List.of()));
        }
        boolean again = fields.flag("loop", true);
        return dispatch(patterns, then, fields.texts("excludes", List.of()), again, fields.where());
    }

    /** Free text; what is found of {@code patterns} goes on as {@code then} says; {@code excludes} never come. */
    private Expr dispatch(List<String> patterns, List<Expr> then, List<String> excludes, boolean again, String where) {
        List<String> all = new ArrayList<>(patterns);
        all.addAll(excludes);
        FreeText text = until(all, where);
        List<Expr> calls =
                then.stream().map(expr -> rules.add("dispatched", expr)).toList();
        Map<Integer, Expr> found = new HashMap<>();
        text.found().forEach((state, ends) -> {
            if (ends.stream().allMatch(i -> i < calls.size())) {
                found.put(state, new Expr.Choice(ends.stream().map(calls::get).toList()));
            }
        });
        return rules.add("free text", new Expr.Dispatch(text.text(), found, again));
    }

    private Expr separated(TagFields fields) {
        List<Expr> tags = tags(fields).stream().map(this::expr).toList();
        Expr one = rules.add("tag", new Expr.Choice(tags));
        Expr separator = marks.literal(fields.text("separator"));
        boolean single = fields.flag("stop_after_first");
        Expr some = single ? one : Expr.sequence(one, Expr.star(Expr.sequence(separator, one)));
        return fields.flag("at_least_one") ? some : Expr.optional(some);
    }
}
