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
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Weights of a safetensors checkpoint, one file or many with an index, mapped and checked when opened. Weights may be
 * asked for from several threads.
 */
public final class SafetensorsSource implements WeightSource {
    /** Of the scales of blocks. */
    private static final String SCALE_SUFFIX = "_scale_inv";
    /** Of scales of rows. */
    private static final String ROW_SCALE_SUFFIX = "_scale";

    private static final String WEIGHT = "weight";
    private static final String INPUT_SCALE = "input_scale";
    private static final String AWQ_CODES = "qweight";
    private static final String AWQ_ZEROS = "qzeros";
    private static final String AWQ_SCALES = "scales";

    private static final int DEFAULT_BLOCK = 128;

    private final CheckpointFiles files;
    private final Arena arena;
    private final FormatReader reader;
    private final Map<String, MemorySegment> mapped = new LinkedHashMap<>();
    private final Map<String, Located> tensors = new LinkedHashMap<>();
    private final TensorUse use = new TensorUse();
    /** By how much weights in memory are larger than the tensors they were made of. */
    private final AtomicLong grown = new AtomicLong();

    /** A tensor and the file it lies in. */
    private record Located(TensorEntry entry, String file) {}

    private SafetensorsSource(CheckpointFiles files, Arena arena, int blockRows, int blockCols) {
        this.files = files;
        this.arena = arena;
        this.reader = new FormatReader(arena, blockRows, blockCols);
    }

    /**
     * Opens a checkpoint whose FP8 weights, if any, have 128x128 blocks, and brings it into memory.
     *
     * @param progress  see {@link #pageIn}
     */
    public static SafetensorsSource open(CheckpointFiles files, LoadProgress progress) {
        SafetensorsSource source = open(files, DEFAULT_BLOCK, DEFAULT_BLOCK);
        try {
            source.pageIn(progress, Math.min(4, Runtime.getRuntime().availableProcessors()));
            return source;
        } catch (RuntimeException e) {
            source.close();
            throw e;
        }
    }

    /**
     * Opens a checkpoint: maps its files and checks every header; no weight is read yet.
     *
     * @param blockRows  rows of an FP8 block, {@code quantization_config.weight_block_size[0]}; 1 for AWQ
     * @param blockCols  columns of an FP8 block, or of AWQ's group
     * @throws CheckpointException if a file is missing, cut short, damaged, or does not agree with the index
     */
    public static SafetensorsSource open(CheckpointFiles files, int blockRows, int blockCols) {
        return open(files, ShardIndex.read(files), blockRows, blockCols);
    }

    /** Opens one safetensors file by its name, without an index: reference outputs, adapters. */
    public static SafetensorsSource openFile(CheckpointFiles files, String name) {
        return open(files, new ShardIndex(Set.of(name), Map.of()), DEFAULT_BLOCK, DEFAULT_BLOCK);
    }

    private static SafetensorsSource open(CheckpointFiles files, ShardIndex index, int blockRows, int blockCols) {
        if (blockRows < 1 || blockCols < 1) {
            throw new CheckpointException(files.describe("config.json") + ": weight_block_size [" + blockRows + ", "
                    + blockCols + "] must be positive.");
        }
        Arena arena = Arena.ofShared();
        try {
            SafetensorsSource source = new SafetensorsSource(files, arena, blockRows, blockCols);
            source.addShards(index);
            return source;
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private void addShards(ShardIndex index) {
        for (String shard : index.shards()) {
            MemorySegment file = files.map(shard, arena);
            mapped.put(shard, file);
            for (TensorEntry entry : SafetensorsHeader.parse(file, files.describe(shard))) {
                requireIndexed(entry.name(), shard, index);
                tensors.put(entry.name(), new Located(entry, shard));
            }
        }
        index.fileOf().forEach((name, shard) -> {
            if (!tensors.containsKey(name)) {
                throw new CheckpointException(name + " is not in " + files.describe(shard) + ", where "
                        + ShardIndex.INDEX
                        + " says it is: index and weights are of different versions; download both again.");
            }
        });
    }

    private void requireIndexed(String name, String shard, ShardIndex index) {
        if (index.fileOf().isEmpty()) {
            return;
        }
        String indexed = index.fileOf().get(name);
        if (!shard.equals(indexed)) {
            throw new CheckpointException(name + " lies in " + files.describe(shard) + ", but " + ShardIndex.INDEX
                    + (indexed == null ? " does not name it" : " says it is in " + indexed)
                    + ": index and weights are of different versions; download both again.");
        }
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

    /** The data of all tensors that are not ignored; neighbours in one file are one region. */
    private List<MemorySegment> wantedRegions() {
        List<MemorySegment> regions = new ArrayList<>();
        String file = "";
        long begin = 0;
        long end = 0;
        for (Located tensor : tensors.values()) {
            if (use.isIgnored(tensor.entry.name())) {
                continue;
            }
            if (!tensor.file.equals(file) || tensor.entry.begin() != end) {
                addRegion(regions, file, begin, end);
                file = tensor.file;
                begin = tensor.entry.begin();
            }
            end = tensor.entry.end();
        }
        addRegion(regions, file, begin, end);
        return regions;
    }

    private void addRegion(List<MemorySegment> regions, String file, long begin, long end) {
        MemorySegment memory = mapped.get(file);
        if (memory != null && end > begin) {
            regions.add(memory.asSlice(begin, end - begin));
        }
    }

    @Override
    public boolean contains(String name) {
        return tensors.containsKey(name) || tensors.containsKey(packed(name, AWQ_CODES));
    }

    /** The name of a part of a weight that is stored in parts. */
    private static String packed(String name, String part) {
        return name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) + part : name;
    }

    /** Names of all tensors. */
    public Set<String> names() {
        return Set.copyOf(tensors.keySet());
    }

    /** The stored dimensions of a tensor. */
    public List<Long> shape(String name) {
        return require(name).entry.shape();
    }

    @Override
    public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
        if (!tensors.containsKey(name) && contains(name)) {
            return awq(name, rows, cols, shard);
        }
        Located weight = require(name);
        requireShape(weight, List.of((long) rows, (long) cols));
        if (weight.entry.bytes() == 0) {
            throw new CheckpointException(name + ": shape " + weight.entry.shape() + " in "
                    + files.describe(weight.file) + " is empty; check that config.json belongs to these weights.");
        }
        DType type = servedType(weight);
        use.use(name);
        return switch (type) {
            case F32, F16, BF16 -> reader.plain(stored(weight, type), rows, cols, shard);
            case F8_E4M3 -> fp8(weight, stored(weight, type), rows, cols, shard);
            case I8 -> {
                boolean blocks = tensors.containsKey(name + SCALE_SUFFIX);
                Tensor scales = blocks ? blockScales(weight, rows, cols) : rowScales(weight, rows);
                yield reader.int8(stored(weight, type), scales, blocks, rows, cols, shard);
            }
        };
    }

    private WeightMatrix awq(String name, int rows, int cols, Shard shard) {
        Located codes = require(packed(name, AWQ_CODES));
        Located zeros = require(packed(name, AWQ_ZEROS));
        Located scales = require(packed(name, AWQ_SCALES));
        int group = reader.blockCols();
        if (group % AwqReader.COLUMNS != 0 || cols % group != 0 || rows % AwqReader.PACKED != 0) {
            throw new CheckpointException(
                    name + ": AWQ groups of " + group + " (group_size in config.json) do not cut a [" + rows + ", "
                            + cols + "] weight; check that config.json belongs to these weights.");
        }
        long words = rows / AwqReader.PACKED;
        long groups = cols / group;
        requireStored(codes, StoredType.I32, List.of((long) cols, words));
        requireStored(zeros, StoredType.I32, List.of(groups, words));
        requireStored(scales, StoredType.F16, List.of(groups, (long) rows));
        MemorySegment blocks =
                AwqReader.blocks(new AwqReader.Parts(data(codes), data(zeros), data(scales), rows, cols, group), arena);
        long stored = 0;
        for (Located part : List.of(codes, zeros, scales)) {
            use.use(part.entry.name());
            use.release(part.entry.name());
            stored += part.entry.bytes();
        }
        grown.addAndGet(blocks.byteSize() - stored);
        return reader.blocks(name, BlockFormat.AWQ, blocks, rows, cols, shard);
    }

    private void requireStored(Located tensor, StoredType type, List<Long> shape) {
        if (tensor.entry.type() != type) {
            throw new CheckpointException(tensor.entry.name() + ": dtype " + tensor.entry.type() + " in "
                    + files.describe(tensor.file) + " is not served; this part of an AWQ weight must be " + type + ".");
        }
        requireShape(tensor, shape);
    }

    private WeightMatrix fp8(Located weight, StoredTensor codes, int rows, int cols, Shard shard) {
        String name = weight.entry.name();
        Located scale = tensors.get(name + ROW_SCALE_SUFFIX);
        if (scale == null || tensors.containsKey(name + SCALE_SUFFIX)) {
            return reader.fp8(codes, blockScales(weight, rows, cols), rows, cols, shard);
        }
        // Of static activations; ours are not rounded, so that nothing needs it.
        use.use(packed(name, INPUT_SCALE));
        boolean one = scale.entry.bytes() == scale.entry.type().bytes();
        Tensor scales = one ? reader.floats(stored(scale, servedType(scale)), 1, 1) : rowScales(weight, rows);
        use.use(scale.entry.name());
        return reader.fp8Rows(codes, scales, rows, cols, shard);
    }

    private Tensor blockScales(Located weight, int rows, int cols) {
        String name = weight.entry.name();
        String scaleName = name + SCALE_SUFFIX;
        Located scale = tensors.get(scaleName);
        if (scale == null) {
            throw new CheckpointException(name + " in " + files.describe(weight.file)
                    + " is F8_E4M3 but has neither scales of blocks, " + scaleName + ", nor of rows, " + name
                    + ROW_SCALE_SUFFIX + ": download the checkpoint again, or use a BF16 one.");
        }
        int scaleRows = Math.ceilDiv(rows, reader.blockRows());
        int scaleCols = Math.ceilDiv(cols, reader.blockCols());
        requireShape(scale, List.of((long) scaleRows, (long) scaleCols));
        use.use(scaleName);
        return scale.entry.type() == StoredType.F8_E8M0
                ? reader.powers(data(scale), scaleRows, scaleCols)
                : reader.floats(stored(scale, servedType(scale)), scaleRows, scaleCols);
    }

    private Tensor rowScales(Located weight, int rows) {
        String scaleName = weight.entry.name() + ROW_SCALE_SUFFIX;
        Located scale = tensors.get(scaleName);
        if (scale == null) {
            throw new CheckpointException(weight.entry.name() + " in " + files.describe(weight.file)
                    + " is I8 but has neither scales of rows, " + scaleName + ", nor of blocks, " + weight.entry.name()
                    + SCALE_SUFFIX + ": only INT8 with such scales is served; download the checkpoint again.");
        }
        if (scale.entry.shape().size() != 1) {
            requireShape(scale, List.of((long) rows, 1L));
        } else {
            requireShape(scale, List.of((long) rows));
        }
        Tensor scales = reader.floats(stored(scale, servedType(scale)), rows, 1);
        use.use(scaleName);
        return scales;
    }

    /** Whether a weight that is not ignored is stored in this type. */
    public boolean stores(DType type) {
        return tensors.values().stream()
                .anyMatch(tensor -> !use.isIgnored(tensor.entry.name())
                        && tensor.entry.type().served().equals(Optional.of(type)));
    }

    /** {@inheritDoc} The numbers are read-only, like all weights. */
    @Override
    public Tensor vector(String name, int size) {
        Located vector = require(name);
        requireShape(vector, List.of((long) size));
        Tensor floats = reader.floats(stored(vector, servedType(vector)), 1, size);
        use.use(name);
        return floats;
    }

    @Override
    public void ignore(String prefix) {
        use.ignore(prefix);
    }

    /** A tensor that was read, and whose pages are not needed any more. */
    void release(String name) {
        use.release(name);
    }

    @Override
    public void requireAllUsed() {
        use.requireAllUsed(tensors.keySet(), files.describe(""));
    }

    @Override
    public long totalBytes() {
        return tensors.values().stream()
                        .mapToLong(tensor -> tensor.entry.bytes())
                        .sum()
                + grown.get();
    }

    @Override
    public void close() {
        arena.close();
    }

    private Located require(String name) {
        Located tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(name + " is missing in " + files.describe("") + " (" + tensors.size()
                    + " tensors in " + mapped.size() + (mapped.size() == 1 ? " file" : " files")
                    + "): check that config.json belongs to these weights, or download them again.");
        }
        return tensor;
    }

    private void requireShape(Located tensor, List<Long> wanted) {
        if (!tensor.entry.shape().equals(wanted)) {
            throw new CheckpointException(tensor.entry.name() + ": shape " + tensor.entry.shape() + " in "
                    + files.describe(tensor.file) + ", config says " + wanted
                    + "; check that config.json belongs to these weights.");
        }
    }

    private DType servedType(Located tensor) {
        Optional<DType> type = tensor.entry.type().served();
        return type.orElseThrow(() -> new CheckpointException(tensor.entry.name() + ": dtype "
                + tensor.entry.type() + " in " + files.describe(tensor.file)
                + " is not served; weights must be F32, F16, BF16, F8_E4M3 or I8."));
    }

    private StoredTensor stored(Located tensor, DType type) {
        return new StoredTensor(tensor.entry.name(), type, data(tensor));
    }

    private MemorySegment data(Located tensor) {
        MemorySegment file = mapped.get(tensor.file);
        if (file == null) {
            throw new IllegalStateException("no mapping of " + tensor.file);
        }
        return PlainMemory.of(file, arena).asSlice(tensor.entry.begin(), tensor.entry.bytes());
    }
}
