package dev.fathom.text.grammar;

/** Which rules match the empty text. */
final class Emptiness {
    private final boolean[] empty;

    Emptiness(Rules rules) {
        empty = new boolean[rules.size()];
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int rule = rules.size() - 1; rule >= 0; rule--) {
                rules.budget().spend(1);
                if (!empty[rule] && of(rules.body(rule))) {
                    empty[rule] = true;
                    changed = true;
                }
            }
        }
    }

    boolean of(Expr expr) {
        return switch (expr) {
            case Expr.Literal literal -> literal.text().isEmpty();
            case Expr.Chars chars -> false;
            case Expr.Text text -> text.dfa().accepts(TextDfa.START);
            case Expr.Dispatch dispatch -> dispatch.text().accepts(TextDfa.START);
            case Expr.Sequence sequence -> sequence.parts().stream().allMatch(this::of);
            case Expr.Choice choice -> choice.options().stream().anyMatch(this::of);
            case Expr.Repeat repeat -> repeat.min() == 0 || of(repeat.body());
            case Expr.Members members ->
                members.min() == 0 && members.members().stream().noneMatch(Expr.Member::required);
            case Expr.Call call -> call.rule() < empty.length && empty[call.rule()];
        };
    }
}
