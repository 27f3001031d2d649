package dev.fathom.http;

import java.util.ArrayList;
import java.util.List;

/** Whether the client of one connection is still there. */
final class ClientWatch {
    private final List<Runnable> actions = new ArrayList<>();
    private boolean gone;

    /** An action's registration; closing it forgets the action. */
    interface Registration {
        void close();
    }

    /** Runs the action when the client leaves, at once if it already has. */
    Registration onGone(Runnable action) {
        synchronized (this) {
            if (!gone) {
                actions.add(action);
                return () -> remove(action);
            }
        }
        action.run();
        return () -> {};
    }

    synchronized boolean isGone() {
        return gone;
    }

    void left() {
        List<Runnable> due;
        synchronized (this) {
            gone = true;
            due = List.copyOf(actions);
            actions.clear();
        }
        due.forEach(Runnable::run);
    }

    private synchronized void remove(Runnable action) {
        actions.remove(action);
    }
}
