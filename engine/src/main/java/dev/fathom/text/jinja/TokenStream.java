package dev.fathom.text.jinja;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The tokens of a template with a place in them; also counts how deep the parser is. */
final class TokenStream {
    /** Nested statements and brackets together; parsing and rendering both recurse over them. */
    private static final int MAX_DEPTH = 120;

    private final String source;
    private final List<Token> tokens;
    private int at;
    private int depth;
    private Set<String> namesRead = new HashSet<>();

    TokenStream(String source) {
        this.source = source;
        this.tokens = Lexer.tokens(source);
    }

    Token current() {
        return tokens.get(at);
    }

    Token ahead() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        if (at < tokens.size() - 1) {
            at++;
        }
        return token;
    }

    boolean acceptName(String name) {
        boolean accepted = current().isName(name);
        if (accepted) {
            next();
        }
        return accepted;
    }

    boolean acceptOperator(String operator) {
        boolean accepted = current().isOperator(operator);
        if (accepted) {
            next();
        }
        return accepted;
    }

    boolean isKind(Token.Kind kind) {
        return current().kind() == kind;
    }

    Token expect(Token.Kind kind) {
        if (current().kind() != kind) {
            String wanted = new Token(kind, kind.name().toLowerCase(java.util.Locale.ROOT), "", 0).described();
            throw error("expected " + wanted + ", got " + current().described());
        }
        return next();
    }

    Token expectOperator(String operator) {
        if (!current().isOperator(operator)) {
            throw error("expected '" + operator + "', got " + current().described());
        }
        return next();
    }

    Token expectName(String name) {
        if (!current().isName(name)) {
            throw error("expected '" + name + "', got " + current().described());
        }
        return next();
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw error("statements and brackets are nested more than " + MAX_DEPTH + " deep");
        }
    }

    void leave() {
        depth--;
    }

    void readsName(String name) {
        namesRead.add(name);
    }

    /** Starts to collect the names that are read from here on; what was collected before is returned. */
    Set<String> collectNames() {
        Set<String> before = namesRead;
        namesRead = new HashSet<>();
        return before;
    }

    /** Ends a collection; the outer one goes on and includes it. */
    Set<String> collectedNames(Set<String> before) {
        Set<String> collected = namesRead;
        namesRead = before;
        namesRead.addAll(collected);
        return collected;
    }

    JinjaException error(String message) {
        return error(message, current());
    }

    JinjaException error(String message, Token where) {
        return JinjaException.at(source, where.position(), message);
    }
}
