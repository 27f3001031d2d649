package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.List;

/** The rules of a grammar while it is read: declared by name, defined once, called by index. */
final class Rules {
    private final List<String> names = new ArrayList<>();
    private final List<Expr> bodies = new ArrayList<>();
    private final Budget budget;

    Rules(Budget budget) {
        this.budget = budget;
    }

    Budget budget() {
        return budget;
    }

    /** A new rule that matches nothing until it is defined. */
    int declare(String name) {
        budget.addNodes(1);
        names.add(name);
        bodies.add(Expr.NEVER);
        return names.size() - 1;
    }

    void define(int rule, Expr body) {
        bodies.set(rule, body);
    }

    /** A new rule, as something to call. */
    Expr add(String name, Expr body) {
        int rule = declare(name);
        define(rule, body);
        return new Expr.Call(rule);
    }

    int size() {
        return names.size();
    }

    String name(int rule) {
        return names.get(rule);
    }

    Expr body(int rule) {
        return bodies.get(rule);
    }
}
