package dev.fathom.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.function.BooleanSupplier;

/**
 * Ctrl-C as an event instead of the end of the process.
 *
 * <p>The JDK's only way to this is {@code sun.misc.Signal}, which the compiler warns about without a way to agree; hence
 * the reflection. Module jdk.unsupported promises to keep it.
 */
final class InterruptSignal {
    private InterruptSignal() {}

    /**
     * Runs the handler on each Ctrl-C, and ends the process as usual where it returns false.
     *
     * @return whether it could be installed; not under {@code java -Xrs}, say
     */
    static boolean install(BooleanSupplier handler) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(
                    InterruptSignal.class.getClassLoader(), new Class<?>[] {handlerType}, (self, method, arguments) -> {
                        if (method.getName().equals("handle") && !handler.getAsBoolean()) {
                            Runtime.getRuntime().exit(128 + 2); // as a shell reports a process that SIGINT ended
                        }
                        return null;
                    });
            Method handle = signal.getMethod("handle", signal, handlerType);
            handle.invoke(null, signal.getConstructor(String.class).newInstance("INT"), proxy);
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
