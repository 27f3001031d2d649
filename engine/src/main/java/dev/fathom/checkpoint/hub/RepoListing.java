package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The files of a repository at one commit. Names come from the network and become paths on the disk, so they are checked here.
 *
 * @param commit  what the revision stands for; names the snapshot's folder
 */
record RepoListing(String commit, List<RepoFile> files) {
    private static final Pattern COMMIT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

    RepoListing {
        files = List.copyOf(files);
        if (!COMMIT.matcher(commit).matches()) {
            throw new CheckpointException("The hub names the commit \"" + shown(commit)
                    + "\", which cannot be a folder's name: nothing is downloaded.");
        }
        for (RepoFile file : files) {
            if (!staysInside(file.path())) {
                throw new CheckpointException("The hub lists a file named \"" + shown(file.path())
                        + "\", which would lead out of the model's folder: nothing is downloaded.");
            }
        }
    }

    /** Whether a relative path of slashes names something below the folder that it is resolved against. */
    static boolean staysInside(String path) {
        if (path.isEmpty() || path.chars().anyMatch(c -> c < ' ' || c == '\\' || c == ':')) {
            return false;
        }
        for (String name : path.split("/", -1)) {
            if (name.isEmpty() || name.equals(".") || name.equals("..")) {
                return false;
            }
        }
        return true;
    }

    private static String shown(String text) {
        String plain = text.replaceAll("\\p{Cntrl}", "?");
        return plain.length() <= 80 ? plain : plain.substring(0, 80) + "...";
    }
}
