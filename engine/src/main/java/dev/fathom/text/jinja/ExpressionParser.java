package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Expressions by precedence: conditional, or, and, not, comparison, + -, ~, * / // %, **, unary, postfix, filters. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final int MAX_CHAINED_CONDITIONS = 50;

    private final TokenStream tokens;
    private final PrimaryParser primaries;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
        this.primaries = new PrimaryParser(tokens, this);
    }

    Expr expression() {
        tokens.enter();
        int position = position();
        Expr value = or();
        int chained = 0;
        while (tokens.acceptName("if")) {
            if (++chained > MAX_CHAINED_CONDITIONS) {
                throw tokens.error("more than " + MAX_CHAINED_CONDITIONS + " chained conditions");
            }
            Expr test = or();
            Expr otherwise = tokens.acceptName("else") ? expression() : null;
            value = new Expr.Conditional(test, value, otherwise, position);
            position = position();
        }
        tokens.leave();
        return value;
    }

    /** One expression, or a tuple of several with commas between. */
    Expr tuple(boolean withCondition, @Nullable String endName, boolean emptyAllowed) {
        int position = position();
        List<Expr> items = new ArrayList<>();
        boolean tuple = false;
        while (!tupleEnds(endName)) {
            items.add(withCondition ? expression() : or());
            if (!tokens.acceptOperator(",")) {
                break;
            }
            tuple = true;
        }
        if (tuple || (items.isEmpty() && emptyAllowed)) {
            return new Expr.ListOf(List.copyOf(items), true, position);
        }
        if (items.isEmpty()) {
            throw tokens.error("expected an expression, got " + tokens.current().described());
        }
        return items.getFirst();
    }

    private boolean tupleEnds(@Nullable String endName) {
        Token token = tokens.current();
        return token.kind() == Token.Kind.VARIABLE_END
                || token.kind() == Token.Kind.BLOCK_END
                || token.isOperator(")")
                || (endName != null && token.isName(endName));
    }

    Expr or() {
        int position = position();
        Expr first = and();
        if (!tokens.current().isName("or")) {
            return first;
        }
        List<Expr> operands = new ArrayList<>(List.of(first));
        while (tokens.acceptName("or")) {
            operands.add(and());
        }
        return new Expr.Logic(false, operands, position);
    }

    private Expr and() {
        int position = position();
        Expr first = not();
        if (!tokens.current().isName("and")) {
            return first;
        }
        List<Expr> operands = new ArrayList<>(List.of(first));
        while (tokens.acceptName("and")) {
            operands.add(not());
        }
        return new Expr.Logic(true, operands, position);
    }

    private Expr not() {
        Token token = tokens.current();
        if (!tokens.acceptName("not")) {
            return comparison();
        }
        tokens.enter();
        Expr operand = not();
        tokens.leave();
        return new Expr.Not(operand, token.position());
    }

    private Expr comparison() {
        int position = position();
        Expr first = sum();
        List<Expr.Operation> operations = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
                tokens.next();
                operations.add(new Expr.Operation(token.text(), sum(), token.position()));
            } else if (tokens.acceptName("in")) {
                operations.add(new Expr.Operation("in", sum(), token.position()));
            } else if (token.isName("not") && tokens.ahead().isName("in")) {
                tokens.next();
                tokens.next();
                operations.add(new Expr.Operation("not in", sum(), token.position()));
            } else {
                return operations.isEmpty() ? first : new Expr.Comparison(first, operations, position);
            }
        }
    }

    private Expr sum() {
        int position = position();
        Expr first = concat();
        List<Expr.Operation> operations = new ArrayList<>();
        for (Token token = operator("+", "-"); token != null; token = operator("+", "-")) {
            operations.add(new Expr.Operation(token.text(), concat(), token.position()));
        }
        return operations.isEmpty() ? first : new Expr.Arithmetic(first, operations, position);
    }

    private Expr concat() {
        int position = position();
        Expr first = product();
        if (!tokens.current().isOperator("~")) {
            return first;
        }
        List<Expr> operands = new ArrayList<>(List.of(first));
        while (tokens.acceptOperator("~")) {
            operands.add(product());
        }
        return new Expr.Concat(operands, position);
    }

    private Expr product() {
        int position = position();
        Expr first = power();
        List<Expr.Operation> operations = new ArrayList<>();
        for (Token token = operator("*", "/", "//", "%"); token != null; token = operator("*", "/", "//", "%")) {
            operations.add(new Expr.Operation(token.text(), power(), token.position()));
        }
        return operations.isEmpty() ? first : new Expr.Arithmetic(first, operations, position);
    }

    private Expr power() {
        int position = position();
        Expr first = unary(true);
        List<Expr.Operation> operations = new ArrayList<>();
        for (Token token = operator("**"); token != null; token = operator("**")) {
            operations.add(new Expr.Operation("**", unary(true), token.position()));
        }
        return operations.isEmpty() ? first : new Expr.Arithmetic(first, operations, position);
    }

    private @Nullable Token operator(String... wanted) {
        for (String operator : wanted) {
            if (tokens.current().isOperator(operator)) {
                return tokens.next();
            }
        }
        return null;
    }

    private Expr unary(boolean withFilters) {
        Token sign = operator("-", "+");
        if (sign == null) {
            Expr base = primaries.primary();
            return chain(base, withFilters);
        }
        tokens.enter();
        Expr operand = new Expr.Negation(unary(false), sign.text().equals("-"), sign.position());
        tokens.leave();
        return chain(operand, withFilters);
    }

    private Expr chain(Expr base, boolean withFilters) {
        List<Expr.Link> links = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            if (token.isOperator(".") || token.isOperator("[") || token.isOperator("(")) {
                links.add(postfix());
            } else {
                break;
            }
        }
        while (withFilters) {
            Token token = tokens.current();
            if (token.isOperator("|")) {
                tokens.next();
                links.add(filter());
            } else if (token.isName("is")) {
                links.add(test());
            } else if (token.isOperator("(")) {
                links.add(new Expr.Call(callArguments(), token.position()));
            } else {
                break;
            }
        }
        return links.isEmpty() ? base : new Expr.Chain(base, List.copyOf(links), base.position());
    }

    private Expr.Link postfix() {
        Token token = tokens.current();
        if (token.isOperator("(")) {
            return new Expr.Call(callArguments(), token.position());
        }
        tokens.next();
        if (token.isOperator("[")) {
            return subscript(token);
        }
        Token name = tokens.next();
        if (name.kind() == Token.Kind.NAME) {
            return new Expr.Attribute(name.text(), token.position());
        }
        if (name.kind() == Token.Kind.INTEGER) {
            return new Expr.Item(new Expr.Constant(name.value(), name.position()), token.position());
        }
        throw tokens.error("expected a name or a number behind the dot, got " + name.described(), name);
    }

    private Expr.Link subscript(Token bracket) {
        tokens.enter();
        Expr start = tokens.current().isOperator(":") ? null : expression();
        Expr.Link link;
        if (tokens.acceptOperator(":")) {
            Expr stop = sliceEnds() ? null : expression();
            Expr step = tokens.acceptOperator(":") && !sliceEnds() ? expression() : null;
            link = new Expr.Slice(start, stop, step, bracket.position());
        } else if (start != null && tokens.current().isOperator(",")) {
            List<Expr> items = new ArrayList<>(List.of(start));
            while (tokens.acceptOperator(",")) {
                items.add(expression());
            }
            link = new Expr.Item(new Expr.ListOf(items, true, bracket.position()), bracket.position());
        } else if (start != null) {
            link = new Expr.Item(start, bracket.position());
        } else {
            throw tokens.error("expected a subscript");
        }
        tokens.expectOperator("]");
        tokens.leave();
        return link;
    }

    private boolean sliceEnds() {
        return tokens.current().isOperator("]")
                || tokens.current().isOperator(":")
                || tokens.current().isOperator(",");
    }

    /** A filter behind its bar. */
    Expr.Filter filter() {
        Token first = tokens.expect(Token.Kind.NAME);
        String name = dotted(first);
        boolean called = tokens.current().isOperator("(");
        return new Expr.Filter(name, called ? callArguments() : Expr.CallArguments.NONE, first.position());
    }

    private Expr.Link test() {
        Token is = tokens.next();
        boolean negated = tokens.acceptName("not");
        String name = dotted(tokens.expect(Token.Kind.NAME));
        Expr.CallArguments arguments = Expr.CallArguments.NONE;
        Token token = tokens.current();
        if (token.isOperator("(")) {
            arguments = callArguments();
        } else if (beginsArgument(token)) {
            if (token.isName("is")) {
                throw tokens.error("tests cannot be chained with 'is'");
            }
            tokens.enter();
            Expr argument = chain(primaries.primary(), false);
            tokens.leave();
            arguments = new Expr.CallArguments(List.of(argument), List.of(), null, null);
        }
        return new Expr.Test(name, negated, arguments, is.position());
    }

    private static boolean beginsArgument(Token token) {
        return switch (token.kind()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }

    private String dotted(Token first) {
        StringBuilder name = new StringBuilder(first.text());
        while (tokens.acceptOperator(".")) {
            name.append('.').append(tokens.expect(Token.Kind.NAME).text());
        }
        return name.toString();
    }

    Expr.CallArguments callArguments() {
        Token open = tokens.expectOperator("(");
        tokens.enter();
        List<Expr> positional = new ArrayList<>();
        List<Expr.Named> named = new ArrayList<>();
        Expr morePositional = null;
        Expr moreNamed = null;
        while (!tokens.current().isOperator(")")) {
            boolean plainAllowed = morePositional == null && moreNamed == null && named.isEmpty();
            boolean starAllowed = morePositional == null && moreNamed == null;
            boolean fits;
            if (tokens.acceptOperator("*")) {
                fits = starAllowed;
                morePositional = expression();
            } else if (tokens.acceptOperator("**")) {
                fits = moreNamed == null;
                moreNamed = expression();
            } else if (tokens.isKind(Token.Kind.NAME) && tokens.ahead().isOperator("=")) {
                fits = moreNamed == null;
                String name = tokens.next().text();
                tokens.next();
                named.add(new Expr.Named(name, expression()));
            } else {
                fits = plainAllowed;
                positional.add(expression());
            }
            if (!fits) {
                throw tokens.error("arguments in an order that is not allowed", open);
            }
            if (!tokens.current().isOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        tokens.next();
        tokens.leave();
        return new Expr.CallArguments(List.copyOf(positional), List.copyOf(named), morePositional, moreNamed);
    }

    private int position() {
        return tokens.current().position();
    }
}
