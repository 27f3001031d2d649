package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelException;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** Collectives of one rank on the GPU; where none is, what is said then. */
class NcclCommunicatorTest {
    @Test
    void saysThatTheLibraryIsNotThere() {
        assertThatThrownBy(() -> Nccl.open("libnccl-of-nobody.so.2"))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("NVIDIA's library of collectives (libnccl-of-nobody.so.2) is not installed");
        assertThatThrownBy(() -> Nccl.open("libc.so.6"))
                .isInstanceOf(KernelException.class)
                .hasMessage("NVIDIA's library of collectives has no function ncclCommInitRank");
    }

    @Test
    void addsAndGathersOverOneRank() {
        try (KernelBackend kernels = TestDevice.open(1)) {
            if (!(kernels instanceof CudaBackend cuda)) {
                return; // it said so
            }
            try (Communicator comm = cuda.communicator(new NcclRank(CudaBackend.newRanks(), 0, 1));
                    Arena arena = Arena.ofShared()) {
                System.out.println("NCCL " + Nccl.open(Nccl.LIBRARY).version());
                assertThat(comm.rank()).isZero();
                assertThat(comm.size()).isEqualTo(1);
                Tensor data = new Tensor(kernels.allocate(4 * 6, arena), 2, 3);
                Tensor all = new Tensor(kernels.allocate(4 * 6, arena), 2, 3);
                for (int step = 0; step < 3; step++) {
                    // Recorded launches come before what the communicator does.
                    kernels.beginStep(1);
                    kernels.upload(new float[] {1, 2, 3, 4, 5, 6 + step}, data);
                    kernels.add(data, data);
                    comm.allReduce(data);
                    comm.allGather(data, all);
                    assertThat(kernels.download(all).toArray()).containsExactly(2, 4, 6, 8, 10, 12 + 2 * step);
                }
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> comm.allGather(data.rows(0, 1), all))
                        .withMessageContaining("expected [1, 3], got [2, 3]");
            }
            assertThatThrownBy(() -> Nccl.open(Nccl.LIBRARY).call("ncclGetVersion", 0, 0))
                    .isInstanceOf(KernelException.class)
                    .hasMessageStartingWith("ncclGetVersion failed: ncclInvalidArgument");
        }
    }
}
