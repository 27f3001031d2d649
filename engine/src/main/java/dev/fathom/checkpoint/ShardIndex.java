package dev.fathom.checkpoint;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * Which weight files a checkpoint has, and which tensor lies in which of them.
 *
 * @param shards   names of the weight files, sorted
 * @param fileOf   tensor name to file; empty when there is no index (one file, whose own header tells)
 */
record ShardIndex(Set<String> shards, Map<String, String> fileOf) {
    static final String INDEX = "model.safetensors.index.json";
    static final String SINGLE = "model.safetensors";

    private static final String CONTINUE = "finish the download (hf download goes on where it stopped)";

    /** @throws CheckpointException if there are no weights, a shard is missing or a download is not finished */
    static ShardIndex read(CheckpointFiles files) {
        List<String> names = files.list();
        refuseUnfinished(files, names);
        if (!files.exists(INDEX)) {
            if (files.exists(SINGLE)) {
                return new ShardIndex(Set.of(SINGLE), Map.of());
            }
            throw noWeights(files, names);
        }
        String where = files.describe(INDEX);
        Map<String, String> fileOf = StrictJson.stream(files.read(INDEX), where, parser -> parse(parser, where));
        if (fileOf.isEmpty()) {
            throw new CheckpointException(where + " names no tensor in weight_map: download it again.");
        }
        Set<String> shards = new TreeSet<>(fileOf.values());
        for (String shard : shards) {
            requirePresent(files, shard, shards, where);
        }
        return new ShardIndex(shards, fileOf);
    }

    private static Map<String, String> parse(JsonParser parser, String where) {
        Map<String, String> fileOf = new LinkedHashMap<>();
        StrictJson.expect(parser, JsonToken.START_OBJECT, parser.nextToken(), "an object", where);
        boolean found = false;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            boolean weightMap = parser.currentName().equals("weight_map");
            JsonToken value = parser.nextToken();
            if (!weightMap) {
                parser.skipChildren();
                continue;
            }
            found = true;
            StrictJson.expect(parser, JsonToken.START_OBJECT, value, "an object as weight_map", where);
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String tensor = parser.currentName();
                StrictJson.expect(
                        parser, JsonToken.VALUE_STRING, parser.nextToken(), "a file name for " + tensor, where);
                fileOf.put(tensor, parser.getString());
            }
        }
        if (!found) {
            throw new CheckpointException(where + " has no weight_map: download it again.");
        }
        return fileOf;
    }

    private static void refuseUnfinished(CheckpointFiles files, List<String> names) {
        for (String name : names) {
            if (name.endsWith(".incomplete")) {
                throw new CheckpointException("The download is not finished: " + files.describe(name)
                        + " is still there; " + CONTINUE
                        + ", or delete that file when all others are complete.");
            }
        }
    }

    private static void requirePresent(CheckpointFiles files, String shard, Set<String> shards, String where) {
        if (!FolderFiles.isPlainName(shard)) {
            throw new CheckpointException(where + " names the file \"" + shard
                    + "\", which does not lie in its folder: download the index again.");
        }
        if (files.exists(shard)) {
            return;
        }
        long missing = shards.stream().filter(name -> !files.exists(name)).count();
        List<String> unfinished = files.unfinished();
        throw new CheckpointException(files.describe(shard) + " is missing, " + where + " names it ("
                + missing + " of " + shards.size() + " files are missing"
                + (unfinished.isEmpty() ? "" : ", " + unfinished.size() + " unfinished: " + unfinished.getFirst())
                + "): " + CONTINUE + ".");
    }

    private static CheckpointException noWeights(CheckpointFiles files, List<String> names) {
        String place = files.describe("");
        List<String> stray =
                names.stream().filter(name -> name.endsWith(".safetensors")).toList();
        if (!stray.isEmpty()) {
            return new CheckpointException(place + " holds " + stray.getFirst() + " but no " + INDEX + " and no "
                    + SINGLE + ": download the index too, or rename a single file to " + SINGLE + ".");
        }
        for (String name : names) {
            if (name.endsWith(".bin") || name.endsWith(".pt")) {
                return new CheckpointException(place + " holds " + name
                        + ", a format that is not read: get the safetensors version of the checkpoint.");
            }
        }
        List<String> unfinished = files.unfinished();
        return new CheckpointException(place + " holds no weights (" + SINGLE + ", or " + INDEX + " with its shards)"
                + (unfinished.isEmpty()
                        ? ": download them."
                        : ", only " + unfinished.getFirst() + ": " + CONTINUE + "."));
    }
}
