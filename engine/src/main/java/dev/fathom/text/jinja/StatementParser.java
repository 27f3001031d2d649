package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Statements: text, output and the tags that chat templates are rendered with. */
final class StatementParser {
    private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False", "None");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int loops;

    private StatementParser(String source) {
        this.tokens = new TokenStream(source);
        this.expressions = new ExpressionParser(tokens);
    }

    /** @param source as {@link Lexer#normalized} leaves it */
    static List<Stmt> parse(String source) {
        StatementParser parser = new StatementParser(source);
        return parser.statements();
    }

    /** Reads until one of the end tags stands behind a block begin, or, without end tags, the end of the template. */
    private List<Stmt> statements(String... endTags) {
        tokens.enter();
        List<Stmt> body = new ArrayList<>();
        while (true) {
            Token token = tokens.next();
            switch (token.kind()) {
                case DATA -> body.add(new Stmt.Text(token.text()));
                case VARIABLE_BEGIN -> {
                    body.add(new Stmt.Output(List.of(expressions.tuple(true, null, false))));
                    tokens.expect(Token.Kind.VARIABLE_END);
                }
                case BLOCK_BEGIN -> {
                    for (String end : endTags) {
                        if (tokens.current().isName(end)) {
                            tokens.leave();
                            return List.copyOf(body);
                        }
                    }
                    body.add(statement());
                    tokens.expect(Token.Kind.BLOCK_END);
                }
                case END -> {
                    if (endTags.length > 0) {
                        throw tokens.error(
                                "the template ends where '" + String.join("' or '", endTags) + "' is expected", token);
                    }
                    tokens.leave();
                    return List.copyOf(body);
                }
                default -> throw tokens.error("unexpected " + token.described(), token);
            }
        }
    }

    /** The body of a tag whose begin is read up to its block end; the end tag's name is left to read. */
    private List<Stmt> body(String... endTags) {
        tokens.acceptOperator(":");
        tokens.expect(Token.Kind.BLOCK_END);
        return statements(endTags);
    }

    private List<Stmt> closedBody(String endTag) {
        List<Stmt> body = body(endTag);
        tokens.next();
        return body;
    }

    /** A body that runs by itself, outside of the loops around it. */
    private List<Stmt> detachedBody(String endTag) {
        int outer = loops;
        loops = 0;
        List<Stmt> body = closedBody(endTag);
        loops = outer;
        return body;
    }

    private Stmt statement() {
        Token tag = tokens.expect(Token.Kind.NAME);
        return switch (tag.text()) {
            case "set" -> set(tag);
            case "if" -> branches();
            case "for" -> loop(tag);
            case "macro" -> macro(tag);
            case "call" -> call(tag);
            case "filter" -> filterBlock(tag);
            case "with" -> with(tag);
            case "print" -> print();
            case "generation" -> new Stmt.Scoped(detachedBody("endgeneration"));
            case "break", "continue" -> {
                if (loops == 0) {
                    throw tokens.error("'" + tag.text() + "' outside of a loop", tag);
                }
                yield tag.text().equals("break") ? new Stmt.Break() : new Stmt.Continue();
            }
            default -> throw tokens.error("the tag '" + tag.text() + "' is unknown or not supported here", tag);
        };
    }

    private Stmt set(Token tag) {
        Stmt.Target target = targets(true, null);
        if (tokens.acceptOperator("=")) {
            return new Stmt.Assign(target, expressions.tuple(true, null, false), tag.position());
        }
        List<Expr.Filter> filters = new ArrayList<>();
        while (tokens.acceptOperator("|")) {
            filters.add(expressions.filter());
        }
        return new Stmt.AssignBlock(target, filters, detachedBody("endset"), tag.position());
    }

    private Stmt branches() {
        List<Stmt.Branch> branches = new ArrayList<>();
        while (true) {
            Expr test = expressions.tuple(false, null, false);
            branches.add(new Stmt.Branch(test, body("elif", "else", "endif")));
            Token end = tokens.next();
            if (end.isName("elif")) {
                continue;
            }
            List<Stmt> otherwise = end.isName("else") ? closedBody("endif") : List.of();
            return new Stmt.If(List.copyOf(branches), otherwise);
        }
    }

    private Stmt loop(Token tag) {
        Token first = tokens.current();
        Stmt.Target target = targets(false, "in");
        if (assigns(target, "loop")) {
            throw tokens.error("cannot assign to the special variable 'loop' in a for loop", first);
        }
        tokens.expectName("in");
        Expr iterable = expressions.tuple(false, "recursive", false);
        Expr test = tokens.acceptName("if") ? expressions.expression() : null;
        boolean recursive = tokens.acceptName("recursive");
        loops++;
        List<Stmt> body = body("endfor", "else");
        loops--;
        List<Stmt> otherwise = tokens.next().isName("else") ? closedBody("endfor") : List.of();
        return new Stmt.For(target, iterable, test, recursive, body, otherwise, tag.position());
    }

    private static boolean assigns(Stmt.Target target, String name) {
        return switch (target) {
            case Stmt.Target.Variable variable -> variable.name().equals(name);
            case Stmt.Target.NamespaceAttribute attribute -> false;
            case Stmt.Target.Unpacked unpacked -> unpacked.targets().stream().anyMatch(each -> assigns(each, name));
        };
    }

    private Stmt macro(Token tag) {
        String name = variable();
        return new Stmt.DefineMacro(macroBody(name, true, "endmacro", tag));
    }

    private Stmt call(Token tag) {
        Set<String> outer = tokens.collectNames();
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        if (tokens.current().isOperator("(")) {
            signature(parameters, defaults);
        }
        Token callee = tokens.current();
        Expr call = expressions.expression();
        if (!(call instanceof Expr.Chain chain) || !(chain.links().getLast() instanceof Expr.Call)) {
            throw tokens.error("expected a call", callee);
        }
        List<Stmt> body = detachedBody("endcall");
        Set<String> free = tokens.collectedNames(outer);
        Stmt.MacroBody caller = new Stmt.MacroBody("caller", parameters, defaults, body, free, tag.position());
        return new Stmt.CallBlock(call, caller, tag.position());
    }

    private Stmt.MacroBody macroBody(String name, boolean signed, String endTag, Token tag) {
        Set<String> outer = tokens.collectNames();
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        if (signed) {
            signature(parameters, defaults);
        }
        List<Stmt> body = detachedBody(endTag);
        Set<String> free = tokens.collectedNames(outer);
        return new Stmt.MacroBody(name, parameters, defaults, body, free, tag.position());
    }

    private void signature(List<String> parameters, List<Expr> defaults) {
        tokens.expectOperator("(");
        while (!tokens.acceptOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            Token name = tokens.current();
            parameters.add(variable());
            if (tokens.acceptOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw tokens.error("a parameter without a default behind one that has a default", name);
            }
        }
    }

    private Stmt filterBlock(Token tag) {
        List<Expr.Filter> filters = new ArrayList<>();
        do {
            filters.add(expressions.filter());
        } while (tokens.acceptOperator("|"));
        return new Stmt.FilterBlock(filters, detachedBody("endfilter"), tag.position());
    }

    private Stmt with(Token tag) {
        List<Stmt.Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!tokens.isKind(Token.Kind.BLOCK_END)) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            targets.add(targets(false, null));
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Stmt.With(targets, values, closedBody("endwith"), tag.position());
    }

    private Stmt print() {
        List<Expr> values = new ArrayList<>();
        while (!tokens.isKind(Token.Kind.BLOCK_END)) {
            if (!values.isEmpty()) {
                tokens.expectOperator(",");
            }
            values.add(expressions.expression());
        }
        return new Stmt.Output(values);
    }

    /** One target or several to unpack into, up to {@code =} or the end name. */
    private Stmt.Target targets(boolean namespaces, @Nullable String endName) {
        tokens.enter();
        List<Stmt.Target> targets = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            Token token = tokens.current();
            if (!targets.isEmpty() && (token.isOperator("=") || token.isOperator(")") || isEnd(token, endName))) {
                break;
            }
            targets.add(target(namespaces));
            if (!tokens.acceptOperator(",")) {
                break;
            }
            tuple = true;
        }
        tokens.leave();
        return tuple ? new Stmt.Target.Unpacked(List.copyOf(targets)) : targets.getFirst();
    }

    private static boolean isEnd(Token token, @Nullable String endName) {
        return (endName != null && token.isName(endName)) || token.kind() == Token.Kind.BLOCK_END;
    }

    private Stmt.Target target(boolean namespaces) {
        if (tokens.acceptOperator("(")) {
            Stmt.Target inner = targets(namespaces, null);
            tokens.expectOperator(")");
            return inner;
        }
        String name = variable();
        if (namespaces && tokens.acceptOperator(".")) {
            return new Stmt.Target.NamespaceAttribute(
                    name, tokens.expect(Token.Kind.NAME).text());
        }
        return new Stmt.Target.Variable(name);
    }

    private String variable() {
        Token token = tokens.expect(Token.Kind.NAME);
        if (CONSTANTS.contains(token.text())) {
            throw tokens.error("cannot assign to the constant '" + token.text() + "'", token);
        }
        return token.text();
    }
}
