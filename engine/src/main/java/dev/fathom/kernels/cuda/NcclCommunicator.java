package dev.fathom.kernels.cuda;

import dev.fathom.comm.Communicator;
import dev.fathom.tensor.Tensor;

/**
 * Collectives of one rank's GPU with those of the others, in the stream in which its kernels run: nobody waits on the host. The
 * library adds in an order that depends on the ranks and the size alone.
 */
final class NcclCommunicator implements Communicator {
    private final Nccl nccl;
    private final CudaDevice device;
    private final Launch launch;
    private final int rank;
    private final int size;
    private final long communicator;

    /** Waits until every rank has come. */
    NcclCommunicator(Nccl nccl, CudaDevice device, Launch launch, NcclRank place) {
        this.nccl = nccl;
        this.device = device;
        this.launch = launch;
        rank = place.rank();
        size = place.size();
        device.enter();
        communicator = nccl.begin(place.id(), rank, size);
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public void allReduce(Tensor data) {
        long at = DeviceMemory.address(data, "data");
        inTurn();
        nccl.call(
                "ncclAllReduce",
                communicator,
                at,
                at,
                count(data),
                Nccl.FLOAT32,
                Nccl.SUM,
                communicator,
                device.stream());
    }

    @Override
    public void allGather(Tensor part, Tensor all) {
        if (all.rows() != (long) size * part.rows() || all.cols() != part.cols()) {
            throw new IllegalArgumentException("allGather: all: expected [" + (long) size * part.rows() + ", "
                    + part.cols() + "], got [" + all.rows() + ", " + all.cols() + "]");
        }
        long from = DeviceMemory.address(part, "part");
        long to = DeviceMemory.address(all, "all");
        inTurn();
        nccl.call("ncclAllGather", communicator, from, to, count(part), Nccl.FLOAT32, communicator, device.stream());
    }

    /** Launches that were recorded come first. */
    private void inTurn() {
        launch.flush();
        device.enter();
    }

    private static long count(Tensor tensor) {
        return (long) tensor.rows() * tensor.cols();
    }

    @Override
    public void close() {
        device.synchronize();
        nccl.call("ncclCommDestroy", 0, communicator);
    }
}
