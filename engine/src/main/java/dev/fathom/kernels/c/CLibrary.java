package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The compiled functions. Each takes a struct that says what to do, and the number of the thread that calls; threads share
 * the units out among themselves by a counter in the struct.
 *
 * @param workspaceBytes  what each thread needs
 * @param products        how they multiply by BF16 numbers
 * @param builtBy         target and compiler, for the banner
 */
record CLibrary(
        MemorySegment prepare,
        MemorySegment linear,
        MemorySegment heads,
        MemorySegment expertsPrepare,
        MemorySegment expertsGateUp,
        MemorySegment expertsMiddle,
        MemorySegment expertsDown,
        MemorySegment expertsSum,
        MemorySegment rmsNorm,
        MemorySegment add,
        MemorySegment siluMul,
        MemorySegment rope,
        MemorySegment storeLatent,
        MemorySegment loadRows,
        MemorySegment attendLatent,
        MemorySegment mergeRuns,
        MemorySegment attendExpanded,
        MemorySegment indexScores,
        MemorySegment indexLargest,
        long workspaceBytes,
        Bf16Products products,
        String builtBy) {
    /** Floats of the widest vector: rows are padded to at most this. */
    static final int LANES = 16;

    /** One handle for all, which takes the function: the JVM writes and compiles code for every handle it meets. */
    private static final MethodHandle OPERATION =
            Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

    /** @throws KernelException if the file is not the library it should be */
    static CLibrary open(KernelCache.Entry entry, CpuTarget target, Arena arena) {
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(entry.library(), arena);
            return new CLibrary(
                    symbol(symbols, "fathom_prepare"),
                    symbol(symbols, "fathom_linear"),
                    symbol(symbols, "fathom_heads"),
                    symbol(symbols, "fathom_experts_prepare"),
                    symbol(symbols, "fathom_experts_gate_up"),
                    symbol(symbols, "fathom_experts_middle"),
                    symbol(symbols, "fathom_experts_down"),
                    symbol(symbols, "fathom_experts_sum"),
                    symbol(symbols, "fathom_rms_norm"),
                    symbol(symbols, "fathom_add"),
                    symbol(symbols, "fathom_silu_mul"),
                    symbol(symbols, "fathom_rope"),
                    symbol(symbols, "fathom_store_latent"),
                    symbol(symbols, "fathom_load_rows"),
                    symbol(symbols, "fathom_attend_latent"),
                    symbol(symbols, "fathom_merge_runs"),
                    symbol(symbols, "fathom_attend_expanded"),
                    symbol(symbols, "fathom_index_scores"),
                    symbol(symbols, "fathom_index_largest"),
                    number(symbols, "fathom_workspace_bytes"),
                    products(symbols),
                    target.label() + ", " + entry.compiler());
        } catch (IllegalArgumentException e) {
            throw new KernelException(
                    "the kernels in " + entry.library() + " cannot be loaded (" + e.getMessage() + ")", e);
        }
    }

    private static MemorySegment symbol(SymbolLookup symbols, String name) {
        return symbols.find(name).orElseThrow(() -> new IllegalArgumentException("it has no function " + name));
    }

    private static Bf16Products products(SymbolLookup symbols) {
        long answer = number(symbols, "fathom_tiles");
        if (answer < 0) {
            throw new KernelException("Linux refuses this process the processor's matrix tiles (arch_prctl, error "
                    + -answer + "); --kernel-backend vector serves without C");
        }
        if (answer == 1) {
            return Bf16Products.TILES;
        }
        return number(symbols, "fathom_pairs") == 1 ? Bf16Products.PAIRS : Bf16Products.FLOATS;
    }

    private static long number(SymbolLookup symbols, String function) {
        MethodHandle handle = Linker.nativeLinker()
                .downcallHandle(symbol(symbols, function), FunctionDescriptor.of(ValueLayout.JAVA_LONG));
        try {
            return (long) handle.invokeExact();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Runs a function on a struct. */
    static void call(MemorySegment operation, MemorySegment struct, int thread) {
        try {
            OPERATION.invokeExact(operation, struct, thread);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** A method handle may declare anything; C throws nothing. */
    private static IllegalStateException unexpected(Throwable e) {
        return new IllegalStateException("a C function threw", e);
    }
}
