package dev.fathom.kernels.cuda;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Collections;

/**
 * Calls C functions that take integers and pointers and return an int. Two method handles serve all of them, because the JVM
 * writes a class for every handle: by the calling conventions of 64-bit Linux each such argument has a register or eight
 * bytes of the stack for itself, so a function takes what it wants of the first and leaves the rest.
 */
final class NativeCalls {
    private static final MethodHandle SIX = handle(6);
    private static final int MOST = 16;
    private static final MethodHandle SIXTEEN = handle(MOST).asSpreader(1, long[].class, MOST);

    private NativeCalls() {}

    private static MethodHandle handle(int arguments) {
        MemoryLayout[] layouts =
                Collections.nCopies(arguments, ValueLayout.JAVA_LONG).toArray(MemoryLayout[]::new);
        return Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts));
    }

    static int call(MemorySegment function, long a, long b, long c, long d, long e, long f) {
        try {
            return (int) SIX.invokeExact(function, a, b, c, d, e, f);
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** For functions of more than six arguments, up to sixteen. */
    static int callLong(MemorySegment function, long... arguments) {
        try {
            return (int) SIXTEEN.invokeExact(function, Arrays.copyOf(arguments, MOST));
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    static int call(MemorySegment function, long a, long b, long c, long d) {
        return call(function, a, b, c, d, 0, 0);
    }

    static int call(MemorySegment function, long a, long b, long c) {
        return call(function, a, b, c, 0, 0, 0);
    }

    static int call(MemorySegment function, long a, long b) {
        return call(function, a, b, 0, 0, 0, 0);
    }

    static int call(MemorySegment function, long a) {
        return call(function, a, 0, 0, 0, 0, 0);
    }

    /** A method handle may declare anything; C throws nothing. */
    static IllegalStateException unexpected(Throwable thrown) {
        return new IllegalStateException("a C function threw", thrown);
    }
}
