package dev.fathom.checkpoint;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Which tensors were asked for or ignored, so that one that nobody wanted is reported. For several threads. */
final class TensorUse {
    private static final int NAMES_SHOWN = 5;

    private final Set<String> used = ConcurrentHashMap.newKeySet();
    private final Set<String> released = ConcurrentHashMap.newKeySet();
    private final List<String> ignored = new CopyOnWriteArrayList<>();

    void use(String name) {
        used.add(name);
    }

    void ignore(String prefix) {
        ignored.add(prefix);
    }

    /** One that was used, and is not needed any more. */
    void release(String name) {
        released.add(name);
    }

    /** Whether a tensor is to stay on the disk. */
    boolean isIgnored(String name) {
        return released.contains(name) || ignored.stream().anyMatch(name::startsWith);
    }

    /**
     * @param names  of all tensors
     * @param where  the checkpoint, for the message
     * @throws CheckpointException naming some that were neither used nor ignored
     */
    void requireAllUsed(Collection<String> names, String where) {
        List<String> unread = new ArrayList<>();
        for (String name : names) {
            if (!used.contains(name) && !isIgnored(name)) {
                unread.add(name);
            }
        }
        if (unread.isEmpty()) {
            return;
        }
        String shown = String.join(", ", unread.subList(0, Math.min(NAMES_SHOWN, unread.size())));
        String more = unread.size() > NAMES_SHOWN ? " and " + (unread.size() - NAMES_SHOWN) + " more" : "";
        throw new CheckpointException(where + " holds " + unread.size()
                + (unread.size() == 1 ? " tensor" : " tensors") + " that this model does not use: " + shown + more
                + "; check that config.json belongs to these weights.");
    }
}
