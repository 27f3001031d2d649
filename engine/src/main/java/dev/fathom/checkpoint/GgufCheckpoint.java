package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A GGUF file, or all parts of a split one, as a checkpoint: its metadata appears as the files that a published checkpoint
 * has beside its weights (config.json, tokenizer.json and so on), so that everything after this treats both alike.
 */
public final class GgufCheckpoint implements CheckpointFiles {
    private static final String SUFFIX = ".gguf";

    /** How llama.cpp names the parts of a split file. */
    private static final Pattern PART = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf");

    private final Path path;
    private final List<GgufPart> parts;
    private final RowOrder rowOrder;
    private final Map<String, Supplier<byte[]>> files = new LinkedHashMap<>();

    private GgufCheckpoint(Path path, List<GgufPart> parts) {
        this.path = path;
        this.parts = parts;
        GgufMetadata metadata = parts.getFirst().header().metadata();
        GgufConfig config = new GgufConfig(metadata, parts);
        this.rowOrder = config.rowOrder();
        byte[] configJson = config.json();
        files.put("config.json", configJson::clone);
        files.put("generation_config.json", config::generationJson);
        if (metadata.has("tokenizer.ggml.model")) {
            GgufTokenizer tokenizer = new GgufTokenizer(metadata);
            files.put("tokenizer.json", tokenizer::json);
            files.put("tokenizer_config.json", tokenizer::configJson);
        }
    }

    /** Whether a model path is meant as GGUF: a file named so, or a folder that holds such and no safetensors. */
    public static boolean isGguf(Path path) {
        if (Files.isRegularFile(path)) {
            return isNamedGguf(path);
        }
        if (!Files.isDirectory(path)) {
            return false;
        }
        List<Path> files = list(path);
        return files.stream().anyMatch(GgufCheckpoint::isNamedGguf)
                && files.stream().noneMatch(file -> file.toString().endsWith(".safetensors"));
    }

    /**
     * Reads and checks the heads of all parts; no weight is read yet.
     *
     * @param path  a file (of a split checkpoint, any part), or a folder with one checkpoint
     * @throws CheckpointException if a part is missing or damaged, a tensor is of a type that is not read, or the metadata names
     *     no model that is read
     */
    public static GgufCheckpoint open(Path path) {
        List<Path> paths = Files.isDirectory(path) ? inFolder(path) : parts(path);
        List<GgufPart> parts = new ArrayList<>();
        for (Path part : paths) {
            parts.add(GgufPart.read(part));
        }
        requireWhole(parts);
        requireServed(parts);
        return new GgufCheckpoint(path, List.copyOf(parts));
    }

    /** The weights under their published names; the caller closes them. */
    public WeightSource weights() {
        return source();
    }

    GgufSource source() {
        return GgufSource.open(describe(""), parts, rowOrder);
    }

    /** The block format that most of the weights' bytes are in, if any are in one. */
    public Optional<BlockFormat> mainFormat() {
        Map<BlockFormat, Long> bytes = new EnumMap<>(BlockFormat.class);
        for (GgufPart part : parts) {
            for (GgufTensor tensor : part.header().tensors()) {
                tensor.type().blocks().ifPresent(format -> bytes.merge(format, tensor.bytes(), Long::sum));
            }
        }
        return bytes.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey);
    }

    @Override
    public boolean exists(String name) {
        return files.containsKey(name);
    }

    @Override
    public byte[] read(String name) {
        Supplier<byte[]> file = files.get(name);
        if (file == null) {
            throw new CheckpointException(path + " has no metadata that could stand for " + name + ".");
        }
        return file.get();
    }

    @Override
    public MemorySegment map(String name, Arena arena) {
        return MemorySegment.ofArray(read(name)).asReadOnly();
    }

    @Override
    public List<String> list() {
        return files.keySet().stream().sorted().toList();
    }

    @Override
    public String describe(String name) {
        return name.isEmpty() ? path.toString() : path + " (metadata as " + name + ")";
    }

    private static boolean isNamedGguf(Path file) {
        return file.toString().endsWith(SUFFIX);
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new CheckpointException(
                    folder + " cannot be read (" + e.getMessage() + "): check that you may read it.", e);
        }
    }

    /** The one checkpoint of a folder. */
    private static List<Path> inFolder(Path folder) {
        List<Path> files =
                list(folder).stream().filter(GgufCheckpoint::isNamedGguf).toList();
        if (files.isEmpty()) {
            throw new CheckpointException(folder + " holds no " + SUFFIX + " file: give the file itself.");
        }
        TreeSet<String> checkpoints = new TreeSet<>();
        for (Path file : files) {
            String name = String.valueOf(file.getFileName());
            Matcher part = PART.matcher(name);
            checkpoints.add(part.matches() ? part.group(1) + "-of-" + part.group(3) : name);
        }
        if (checkpoints.size() > 1) {
            throw new CheckpointException(folder + " holds " + checkpoints.size() + " GGUF checkpoints ("
                    + String.join(", ", checkpoints) + "): give the file that is meant.");
        }
        return parts(files.getFirst());
    }

    /** A file and, where its name says that it is one of several, the others. */
    private static List<Path> parts(Path file) {
        Matcher part = PART.matcher(String.valueOf(file.getFileName()));
        if (!part.matches()) {
            return List.of(file);
        }
        int count = Integer.parseInt(part.group(3));
        List<Path> paths = new ArrayList<>();
        List<Path> missing = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            Path path = file.resolveSibling("%s-%05d-of-%s.gguf".formatted(part.group(1), i, part.group(3)));
            paths.add(path);
            if (!Files.isRegularFile(path)) {
                missing.add(path);
            }
        }
        if (count == 0 || !missing.isEmpty()) {
            throw new CheckpointException((missing.isEmpty() ? file : missing.getFirst()) + " is missing ("
                    + missing.size() + " of " + count + " parts are): finish the download.");
        }
        return paths;
    }

    /** A mix often has one type in a few tensors only, so that its file's name does not tell. */
    private static void requireServed(List<GgufPart> parts) {
        List<GgufTensor> refused = parts.stream()
                .flatMap(part -> part.header().tensors().stream())
                .filter(tensor -> !tensor.type().isServed())
                .toList();
        if (!refused.isEmpty()) {
            throw new CheckpointException(parts.getFirst().where() + ": " + refused.size() + " tensors, "
                    + refused.getFirst().name() + " the first, are of type "
                    + refused.stream()
                            .map(tensor -> tensor.type().name())
                            .distinct()
                            .sorted()
                            .collect(Collectors.joining(", "))
                    + ", which is not served; get the model in another quantization, such as Q4_K_M or Q2_K. Served are "
                    + GgufType.served() + ".");
        }
    }

    /** What the parts say about the split must agree with their names. */
    private static void requireWhole(List<GgufPart> parts) {
        long tensors = 0;
        for (int i = 0; i < parts.size(); i++) {
            GgufMetadata metadata = parts.get(i).header().metadata();
            long number = metadata.wholeOr("split.no", 0);
            long count = metadata.wholeOr("split.count", 0);
            boolean single = parts.size() == 1 && count <= 1;
            if (!single && (number != i || count != parts.size())) {
                throw new CheckpointException(
                        metadata.where() + " says that it is part " + (number + 1) + " of " + count
                                + ", its name says " + (i + 1) + " of " + parts.size()
                                + "; give all parts the names they were published with.");
            }
            tensors += parts.get(i).header().tensors().size();
        }
        GgufMetadata first = parts.getFirst().header().metadata();
        long wanted = first.wholeOr("split.tensors.count", tensors);
        if (wanted != tensors) {
            throw new CheckpointException(first.where() + " says that all parts hold " + wanted + " tensors, they hold "
                    + tensors + ": download them again.");
        }
    }
}
