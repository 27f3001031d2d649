package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Which files of a repository are needed: the ones this program opens, and no code, no pictures, no second copy of the weights.
 *
 * @param file  the one a model is loaded from, empty where it is the folder
 */
record FileChoice(List<RepoFile> files, String file) {
    private static final String INDEX = ".safetensors.index.json";
    private static final String SAFETENSORS = ".safetensors";
    private static final String GGUF = ".gguf";
    private static final Pattern PART = Pattern.compile("-\\d{5}-of-\\d{5}(?=\\.(gguf|safetensors)$)");
    private static final int NAMES_SHOWN = 12;

    /** @throws CheckpointException if there is nothing that could be loaded, or more than one model */
    static FileChoice of(RepoListing listing, HubRequest request) {
        List<RepoFile> top = listing.files().stream().filter(RepoFile::topLevel).toList();
        List<RepoFile> small = top.stream()
                .filter(file -> !file.path().endsWith(INDEX))
                .filter(file -> file.path().endsWith(".json") || file.path().endsWith(".jinja"))
                .toList();
        if (request.part() == HubRequest.Part.CONFIGURATION) {
            return new FileChoice(small, "");
        }
        List<RepoFile> ggufs = listing.files().stream()
                .filter(file -> file.path().endsWith(GGUF))
                .sorted(Comparator.comparing(RepoFile::path))
                .toList();
        List<RepoFile> shards = shards(top);
        if (request.id().file().isPresent() || (shards.isEmpty() && !ggufs.isEmpty())) {
            List<RepoFile> parts = gguf(ggufs, request.id());
            return new FileChoice(parts, parts.getFirst().path());
        }
        String model = request.id().repository();
        if (small.stream().noneMatch(file -> file.path().equals("config.json"))) {
            throw new CheckpointException(
                    model + " holds neither config.json nor a GGUF file, so it is no model that could be loaded.");
        }
        if (shards.isEmpty()) {
            throw new CheckpointException(model + " has no *.safetensors and no *.gguf (it has "
                    + shown(top.stream().map(RepoFile::path).toList())
                    + "): look for a repository of the same model that has.");
        }
        List<RepoFile> files = new ArrayList<>(small);
        top.stream().filter(file -> file.path().endsWith(INDEX)).forEach(files::add);
        files.addAll(shards);
        return new FileChoice(List.copyOf(files), "");
    }

    /** The parts that the index is of; where there is none, all. */
    private static List<RepoFile> shards(List<RepoFile> top) {
        List<RepoFile> all =
                top.stream().filter(file -> file.path().endsWith(SAFETENSORS)).toList();
        for (RepoFile file : top) {
            if (file.path().endsWith(INDEX)) {
                String stem = file.path().substring(0, file.path().length() - INDEX.length());
                List<RepoFile> named = all.stream()
                        .filter(shard -> wholeName(shard).equals(stem + SAFETENSORS))
                        .toList();
                if (!named.isEmpty()) {
                    return named;
                }
            }
        }
        return all;
    }

    /** Of a part, the name of the whole. */
    private static String wholeName(RepoFile file) {
        return PART.matcher(file.path()).replaceFirst("");
    }

    private static List<RepoFile> gguf(List<RepoFile> files, HubId id) {
        Map<String, List<RepoFile>> wholes = new TreeMap<>();
        for (RepoFile file : files) {
            if (id.file().isEmpty() || isMeant(file, id.file().get())) {
                wholes.computeIfAbsent(wholeName(file), name -> new ArrayList<>())
                        .add(file);
            }
        }
        if (wholes.size() == 1) {
            return List.copyOf(wholes.values().iterator().next());
        }
        if (wholes.isEmpty()) {
            List<String> there =
                    files.stream().map(FileChoice::wholeName).distinct().toList();
            throw new CheckpointException(id.repository() + " has no GGUF file that is named or contains \""
                    + id.file().orElse("") + "\"; it has " + (there.isEmpty() ? "none at all" : shown(there)) + ".");
        }
        throw new CheckpointException(id.repository() + " has " + wholes.size() + " GGUF models ("
                + shown(wholes.keySet()) + "): say which one, as in " + id.repository() + ":Q4_K_M.");
    }

    /** Whether a text is a file's path or name, or a whole part of it between dots, dashes and slashes. */
    private static boolean isMeant(RepoFile file, String text) {
        if (file.path().equals(text)
                || file.name().equals(text)
                || wholeName(file).equals(text)) {
            return true;
        }
        String part = "(^|.*[-./])" + Pattern.quote(text.toLowerCase(Locale.ROOT)) + "[-./].*";
        return file.path().toLowerCase(Locale.ROOT).matches(part);
    }

    private static String shown(Iterable<String> names) {
        List<String> all = new ArrayList<>();
        names.forEach(all::add);
        String first = String.join(", ", all.subList(0, Math.min(NAMES_SHOWN, all.size())));
        return all.size() > NAMES_SHOWN ? first + " and " + (all.size() - NAMES_SHOWN) + " more" : first;
    }
}
