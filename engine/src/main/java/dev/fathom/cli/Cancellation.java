package dev.fathom.cli;

import java.util.ArrayList;
import java.util.List;

/** Lets another thread stop an answer that is under way. */
final class Cancellation {
    private final List<Runnable> actions = new ArrayList<>();
    private boolean cancelled;

    /** Runs the action when cancelled, at once if that has happened already. */
    synchronized void onCancel(Runnable action) {
        if (cancelled) {
            action.run();
        } else {
            actions.add(action);
        }
    }

    synchronized void cancel() {
        if (!cancelled) {
            cancelled = true;
            actions.forEach(Runnable::run);
        }
    }

    synchronized boolean isCancelled() {
        return cancelled;
    }
}
