package dev.fathom.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Signals of the operating system as events instead of the end of the process.
 *
 * <p>The JDK's only way to this is {@code sun.misc.Signal}, which the compiler warns about without a way to agree; hence
 * the reflection. Module jdk.unsupported promises to keep it.
 */
final class Signals {
    /** Exit status of a process that a signal ended, as shells report it: this plus the signal's number. */
    private static final int ENDED_BY_SIGNAL = 128;

    private Signals() {}

    /** Signals that ask a process to end. */
    enum Kind {
        /** Ctrl-C. */
        INT(2),
        /** What {@code kill} and orchestrators send. */
        TERM(15);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int exitStatus() {
            return ENDED_BY_SIGNAL + number;
        }
    }

    /**
     * Runs the action on each such signal from now on.
     *
     * @return whether that could be arranged; not under {@code java -Xrs}, say
     */
    static boolean handle(Kind kind, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(), new Class<?>[] {handlerType}, (self, method, arguments) -> {
                        if (method.getName().equals("handle")) {
                            action.run();
                        }
                        return null;
                    });
            Method handle = signal.getMethod("handle", signal, handlerType);
            handle.invoke(null, signal.getConstructor(String.class).newInstance(kind.name()), proxy);
            return true;
        } catch (ClassNotFoundException
                | NoSuchMethodException
                | InstantiationException
                | IllegalAccessException
                | InvocationTargetException e) {
            return false;
        }
    }
}
