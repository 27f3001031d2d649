package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.DType;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Weights of a GGUF checkpoint under their published names, mapped. A tensor that holds all experts is cut into one
 * matrix for each, without a copy. Where the published kv_b_proj is stored in two, k_b_proj is
 * [heads * kv_lora_rank, qk_nope_head_dim] (each head transposed) and v_b_proj is [heads * v_head_dim, kv_lora_rank].
 *
 * <p>Weights may be asked for from several threads.
 */
final class GgufSource implements WeightSource {
    private final String where;
    private final Arena arena;
    private final FormatReader reader;
    private final RowOrder rowOrder;
    private final List<Mapped> files = new ArrayList<>();
    private final Map<String, Located> tensors = new LinkedHashMap<>();
    private final TensorUse use = new TensorUse();

    /** A mapped file. */
    private record Mapped(GgufPart part, MemorySegment memory, MemorySegment plain) {
        static Mapped of(GgufPart part, Arena arena) {
            MemorySegment memory = part.map(arena);
            return new Mapped(part, memory, PlainMemory.of(memory, arena));
        }
    }

    /**
     * A tensor, or one expert's part of it.
     *
     * @param expert  which one, or -1 for the whole tensor
     */
    private record Located(GgufTensor tensor, Mapped file, int expert) {
        /** Dimensions of the part. */
        List<Integer> shape() {
            return expert < 0
                    ? tensor.shape()
                    : tensor.shape().subList(1, tensor.shape().size());
        }

        MemorySegment data() {
            long bytes = expert < 0
                    ? tensor.bytes()
                    : tensor.bytes() / tensor.shape().getFirst();
            return file.plain.asSlice(tensor.begin() + Math.max(expert, 0) * bytes, bytes);
        }
    }

    private GgufSource(String where, Arena arena, RowOrder rowOrder) {
        this.where = where;
        this.arena = arena;
        this.rowOrder = rowOrder;
        this.reader = new FormatReader(arena, 1, 1);
    }

    /**
     * Maps the files; no weight is read yet.
     *
     * @param rowOrder  what the file's writer did to rows
     * @throws CheckpointException if a file changed since it was looked at, or two tensors have one name
     */
    static GgufSource open(String where, List<GgufPart> parts, RowOrder rowOrder) {
        Arena arena = Arena.ofShared();
        try {
            GgufSource source = new GgufSource(where, arena, rowOrder);
            for (GgufPart part : parts) {
                source.add(Mapped.of(part, arena));
            }
            return source;
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private void add(Mapped file) {
        files.add(file);
        for (GgufTensor tensor : file.part.header().tensors()) {
            String name = GgufNames.published(tensor.name()).orElse(tensor.name());
            if (!name.contains(GgufNames.EXPERT)) {
                add(name, new Located(tensor, file, -1));
                continue;
            }
            if (tensor.shape().size() != 3) {
                throw new CheckpointException(
                        tensor.name() + " in " + file.part.where() + " has the shape " + tensor.shape()
                                + ", expected [experts, outputs, inputs]; get the file from a current converter.");
            }
            for (int expert = 0; expert < tensor.shape().getFirst(); expert++) {
                add(name.replace(GgufNames.EXPERT, Integer.toString(expert)), new Located(tensor, file, expert));
            }
        }
    }

    private void add(String name, Located tensor) {
        if (tensors.put(name, tensor) != null) {
            throw new CheckpointException(where + " holds " + name + " (" + tensor.tensor.name()
                    + ") twice; the file is damaged, download it again.");
        }
    }

    /** Dimensions by published names. */
    Map<String, List<Long>> shapes() {
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        tensors.forEach((name, located) -> shapes.put(
                name, located.shape().stream().map(Integer::longValue).toList()));
        return shapes;
    }

    @Override
    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
        Located located = require(name);
        requireShape(name, located, rows, cols);
        GgufTensor tensor = located.tensor;
        MemorySegment data = rowOrder.published(name, located.data(), rows, arena);
        Optional<DType> plain = tensor.type().plain();
        WeightMatrix matrix = plain.isPresent()
                ? reader.plain(new StoredTensor(name, plain.get(), data), rows, cols, shard)
                : reader.blocks(name, blocks(located), data, rows, cols, shard);
        use.use(name);
        return matrix;
    }

    /** {@inheritDoc} The numbers are read-only, like all weights. */
    @Override
    public Tensor vector(String name, int size) {
        Located located = require(name);
        requireShape(name, located, 1, size);
        Optional<DType> plain = located.tensor.type().plain();
        Tensor floats;
        if (plain.isPresent()) {
            floats = reader.floats(new StoredTensor(name, plain.get(), located.data()), 1, size);
        } else {
            WeightMatrix decoded = reader.blocks(name, blocks(located), located.data(), 1, size, Shard.WHOLE);
            floats = new Tensor(arena.allocate(Tensor.byteSize(1, size), 64), 1, size);
            for (int i = 0; i < size; i++) {
                floats.set(0, i, decoded.get(0, i));
            }
        }
        use.use(name);
        return floats;
    }

    @Override
    public void ignore(String prefix) {
        use.ignore(prefix);
    }

    @Override
    public void requireAllUsed() {
        use.requireAllUsed(tensors.keySet(), where);
    }

    @Override
    public void pageIn(LoadProgress progress, int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be positive, got " + threads);
        }
        new PageIn(wantedRegions()).run(progress, threads);
    }

    @Override
    public void pageInHuge(LoadProgress progress, int threads) {
        new PageIn(wantedRegions()).runHuge(progress, threads);
    }

    /** The data of all tensors that are not ignored. */
    private List<MemorySegment> wantedRegions() {
        List<MemorySegment> regions = new ArrayList<>();
        tensors.forEach((name, located) -> {
            if (located.expert <= 0 && !use.isIgnored(name)) {
                regions.add(located.file.memory.asSlice(located.tensor.begin(), located.tensor.bytes()));
            }
        });
        return regions;
    }

    @Override
    public long totalBytes() {
        return files.stream()
                .flatMap(file -> file.part.header().tensors().stream())
                .mapToLong(GgufTensor::bytes)
                .sum();
    }

    @Override
    public void close() {
        arena.close();
    }

    private Located require(String name) {
        Located tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(name + " is missing in " + where
                    + " (or has a name there that is not known): get the file from a current converter.");
        }
        return tensor;
    }

    /** A tensor of more than two dimensions may be asked for as one of two: all its rows, one after the other. */
    private void requireShape(String name, Located located, int rows, int cols) {
        long outer = 1;
        List<Integer> shape = located.shape();
        for (int dimension : shape.subList(0, shape.size() - 1)) {
            outer *= dimension;
        }
        if (outer != rows || located.tensor.cols() != cols) {
            throw new CheckpointException(name + " (" + located.tensor.name() + "): shape " + shape + " in "
                    + located.file.part.where() + ", its metadata says [" + rows + ", " + cols
                    + "]; the file is damaged, download it again.");
        }
    }

    private static BlockFormat blocks(Located located) {
        return located.tensor.type().blocks().orElseThrow(); // GgufCheckpoint.open lets no other pass
    }
}
