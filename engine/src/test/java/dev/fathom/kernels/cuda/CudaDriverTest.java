package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.kernels.KernelException;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** What of the way to the driver can be seen without one. */
class CudaDriverTest {
    @Test
    void saysThatThereIsNoDriver() {
        assertThatThrownBy(() -> CudaDevice.open("libcuda-of-nobody.so.1"))
                .isInstanceOf(KernelException.class)
                .hasMessage("there is no NVIDIA driver here (libcuda-of-nobody.so.1 is not installed)");
    }

    @Test
    void saysThatALibraryIsNoDriver() {
        assertThatThrownBy(() -> CudaDevice.open("libc.so.6"))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("the NVIDIA driver has no function cu");
    }

    /** The C library's functions take one to six arguments of four and eight bytes, as the driver's do. */
    @Test
    void passesWhatFunctionsTakeAndLeavesTheRest() {
        MemorySegment labs = function("abs");
        assertThat(NativeCalls.call(labs, -7, 1, 2, 3, 4, 5)).isEqualTo(7);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom("13000 and more");
            assertThat(NativeCalls.call(function("atoi"), text.address())).isEqualTo(13000);
            MemorySegment other = arena.allocateFrom("13001");
            MemorySegment compare = function("strncmp");
            assertThat(NativeCalls.call(compare, text.address(), other.address(), 4))
                    .isZero();
            assertThat(NativeCalls.call(compare, text.address(), other.address(), 5))
                    .isNegative();
        }
    }

    private static MemorySegment function(String name) {
        return Linker.nativeLinker().defaultLookup().findOrThrow(name);
    }

    @Test
    void deviceMemoryHasAddressAndSlicesButNoNumbers() {
        MemorySegment memory = DeviceMemory.at(0x7f0000000100L, 1 << 20);
        Tensor tensor = new Tensor(memory, 16, 64).rows(3, 2);
        assertThat(DeviceMemory.holds(tensor.data())).isTrue();
        assertThat(DeviceMemory.address(tensor, "x")).isEqualTo(0x7f0000000100L + 3 * 64 * 4);
        assertThat(memory.asSlice(0, 8).asOverlappingSlice(memory.asSlice(8, 8)))
                .isEmpty();
        assertThat(memory.asSlice(0, 8).asOverlappingSlice(memory.asSlice(4, 8)))
                .isPresent();
        assertThatThrownBy(() -> tensor.get(0, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> memory.set(ValueLayout.JAVA_INT, 0, 1)).isInstanceOf(IllegalStateException.class);
        try (Arena arena = Arena.ofConfined()) {
            Tensor host = new Tensor(arena.allocate(16), 2, 2);
            assertThat(DeviceMemory.holds(host.data())).isFalse();
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> DeviceMemory.address(host, "x"))
                    .withMessageStartingWith("x: memory of the device is wanted");
        }
    }
}
