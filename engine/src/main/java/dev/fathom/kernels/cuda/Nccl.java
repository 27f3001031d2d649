package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * The functions of NVIDIA's library of collectives that are used here, each checked.
 *
 * @see "NVIDIA Collective Communication Library documentation, nccl.h"
 */
final class Nccl {
    static final String LIBRARY = "libnccl.so.2";

    /** ncclFloat32 */
    static final long FLOAT32 = 7;

    /** ncclSum */
    static final long SUM = 0;

    /** By ncclResult_t. */
    private static final List<String> RESULTS = List.of(
            "ncclSuccess",
            "ncclUnhandledCudaError",
            "ncclSystemError",
            "ncclInternalError",
            "ncclInvalidArgument",
            "ncclInvalidUsage",
            "ncclRemoteError",
            "ncclInProgress");

    private static final int ID_BYTES = 128;
    private static final StructLayout ID =
            MemoryLayout.structLayout(MemoryLayout.sequenceLayout(ID_BYTES, ValueLayout.JAVA_BYTE));
    private static final AddressLayout TEXT =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(4096, ValueLayout.JAVA_BYTE));

    private final SymbolLookup symbols;

    /** ncclCommInitRank takes its id by value. */
    private final MethodHandle begin;

    private final MethodHandle lastError;

    private Nccl(SymbolLookup symbols) {
        this.symbols = symbols;
        Linker linker = Linker.nativeLinker();
        begin = linker.downcallHandle(
                find("ncclCommInitRank"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ID, ValueLayout.JAVA_INT));
        lastError = linker.downcallHandle(find("ncclGetLastError"), FunctionDescriptor.of(TEXT, ValueLayout.JAVA_LONG));
    }

    /**
     * @param library  its file name, or its path
     * @throws KernelException if it is not there
     */
    static Nccl open(String library) {
        try {
            return new Nccl(SymbolLookup.libraryLookup(library, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new KernelException(
                    "NVIDIA's library of collectives (" + library
                            + ") is not installed; it comes as the package libnccl2, or with PyTorch, whose folder"
                            + " site-packages/nvidia/nccl/lib LD_LIBRARY_PATH may name",
                    e);
        }
    }

    private MemorySegment find(String name) {
        return symbols.find(name)
                .orElseThrow(() -> new KernelException("NVIDIA's library of collectives has no function " + name));
    }

    /** Such as 22809: 2.28.9. */
    int version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(ValueLayout.JAVA_INT);
            call("ncclGetVersion", 0, version.address());
            return version.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** What the ranks of one communicator share; one of them makes it and gives it to the others. */
    byte[] newId() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment id = arena.allocate(ID_BYTES);
            call("ncclGetUniqueId", 0, id.address());
            return id.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Waits until every rank has come. @return an ncclComm_t on the current device */
    long begin(byte[] id, int rank, int size) {
        if (id.length != ID_BYTES) {
            throw new IllegalArgumentException("id: " + ID_BYTES + " bytes are wanted, got " + id.length);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment communicator = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment shared = arena.allocate(ID);
            shared.copyFrom(MemorySegment.ofArray(id));
            check("ncclCommInitRank", (int) begin.invokeExact(communicator.address(), size, shared, rank), 0);
            return communicator.get(ValueLayout.JAVA_LONG, 0);
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw NativeCalls.unexpected(thrown);
        }
    }

    /** @param communicator  named in errors; 0 where there is none */
    void call(String function, long communicator, long... arguments) {
        check(function, NativeCalls.callLong(find(function), arguments), communicator);
    }

    private void check(String function, int code, long communicator) {
        if (code == 0) {
            return;
        }
        String name = code > 0 && code < RESULTS.size() ? RESULTS.get(code) : "ncclResult " + code;
        MemorySegment text = lastError(communicator);
        String more = text.address() == 0 ? "" : text.getString(0);
        throw new KernelException(function + " failed: " + name + (more.isBlank() ? "" : " (" + more.strip() + ")"));
    }

    private MemorySegment lastError(long communicator) {
        try {
            return (MemorySegment) lastError.invokeExact(communicator);
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw NativeCalls.unexpected(thrown);
        }
    }
}
