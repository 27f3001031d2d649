package dev.fathom.model;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.util.List;
import java.util.Optional;

/**
 * What config.json says about rope: in rope_scaling as published, in rope_parameters as transformers 5 writes it, or for
 * plain rope in the file itself.
 *
 * @param type    default, yarn, llama3 ...
 * @param theta   rope_theta
 * @param values  the object with the type's own keys
 */
public record RopeParameters(String type, float theta, HfConfig values) {
    /** @throws CheckpointException if two places disagree */
    public static RopeParameters read(HfConfig file) {
        Optional<HfConfig> parameters = file.objectIfPresent("rope_parameters");
        Optional<HfConfig> scaling = file.objectIfPresent("rope_scaling");
        if (parameters.isPresent() && scaling.isPresent()) {
            throw new CheckpointException(file.where()
                    + ": both rope_parameters and rope_scaling are given, and they may disagree; remove one");
        }
        HfConfig rope = parameters.or(() -> scaling).orElse(file);
        String type = rope == file ? "default" : rope.textOr("rope_type", rope.textOr("type", "default"));
        String olderName = rope == file ? type : rope.textOr("type", type);
        if (!type.equals(olderName)) {
            throw new CheckpointException(
                    rope.where() + ": rope_type " + type + " and type " + olderName + " contradict each other");
        }
        return new RopeParameters(type, (rope.has("rope_theta") ? rope : file).number("rope_theta"), rope);
    }

    /** What to throw for a type that the architecture does not have. */
    public CheckpointException notServed(List<String> served) {
        return new CheckpointException(values.where() + ": rope type " + type + " is not served, only "
                + String.join(" and ", served) + " are");
    }
}
