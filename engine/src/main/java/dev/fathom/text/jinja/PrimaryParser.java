package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;

/** What expressions are made of: names, literals, and what stands in brackets. */
final class PrimaryParser {
    private final TokenStream tokens;
    private final ExpressionParser expressions;

    PrimaryParser(TokenStream tokens, ExpressionParser expressions) {
        this.tokens = tokens;
        this.expressions = expressions;
    }

    Expr primary() {
        Token token = tokens.current();
        return switch (token.kind()) {
            case NAME -> {
                tokens.next();
                yield name(token);
            }
            case STRING -> strings();
            case INTEGER, FLOAT -> {
                tokens.next();
                yield new Expr.Constant(token.value(), token.position());
            }
            default -> bracketed(token);
        };
    }

    private Expr name(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expr.Constant(true, token.position());
            case "false", "False" -> new Expr.Constant(false, token.position());
            case "none", "None" -> new Expr.Constant(None.NONE, token.position());
            default -> {
                tokens.readsName(token.text());
                yield new Expr.Name(token.text(), token.position());
            }
        };
    }

    /** Literals in a row are one string. */
    private Expr strings() {
        int position = tokens.current().position();
        StringBuilder text = new StringBuilder();
        while (tokens.isKind(Token.Kind.STRING)) {
            text.append(tokens.next().value());
        }
        return new Expr.Constant(text.toString(), position);
    }

    private Expr bracketed(Token token) {
        tokens.enter();
        Expr result;
        if (tokens.acceptOperator("(")) {
            result = expressions.tuple(true, null, true);
            tokens.expectOperator(")");
        } else if (tokens.acceptOperator("[")) {
            List<Expr> items = new ArrayList<>();
            while (!tokens.acceptOperator("]")) {
                items.add(expressions.expression());
                separator("]");
            }
            result = new Expr.ListOf(List.copyOf(items), false, token.position());
        } else if (tokens.acceptOperator("{")) {
            List<Expr> keys = new ArrayList<>();
            List<Expr> values = new ArrayList<>();
            while (!tokens.acceptOperator("}")) {
                keys.add(expressions.expression());
                tokens.expectOperator(":");
                values.add(expressions.expression());
                separator("}");
            }
            result = new Expr.DictOf(List.copyOf(keys), List.copyOf(values), token.position());
        } else {
            throw tokens.error("unexpected " + token.described());
        }
        tokens.leave();
        return result;
    }

    private void separator(String close) {
        if (!tokens.current().isOperator(close)) {
            tokens.expectOperator(",");
        }
    }
}
