package dev.fathom.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads reference files from the class path. */
public final class Goldens {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private Goldens() {}

    /** The bytes of a resource, unpacked if its name ends in .gz. */
    public static byte[] bytes(String resource) {
        try (InputStream packed = Goldens.class.getResourceAsStream(resource)) {
            if (packed == null) {
                throw new IllegalArgumentException("no resource " + resource);
            }
            return (resource.endsWith(".gz") ? new GZIPInputStream(packed) : packed).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static JsonNode json(String resource) {
        return MAPPER.readTree(bytes(resource));
    }

    public static Tokenizer nano() {
        String file = "/models/nano/tokenizer.json";
        return Tokenizer.parse(bytes(file), file);
    }

    public static Tokenizer deepSeekV3() {
        String file = "/golden/tokenizer/deepseek_v3_tokenizer.json.gz";
        return Tokenizer.parse(bytes(file), file);
    }

    public static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = array.get(i).intValue();
        }
        return ids;
    }
}
