package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Schemas that a value must satisfy all at once, each with its place in the document. */
record Schema(List<Located> all) {
    /** Satisfied by every value. */
    static final Schema ANY = new Schema(List.of());

    /** @param where JSON pointer as a URI fragment, which names the schema */
    record Located(JsonNode node, String where) {
        Located at(String... path) {
            JsonNode found = node;
            StringBuilder place = new StringBuilder(where);
            for (String step : path) {
                found = found.isArray() ? found.get(Integer.parseInt(step)) : found.get(step);
                place.append('/').append(step.replace("~", "~0").replace("/", "~1"));
            }
            return new Located(found, place.toString());
        }
    }

    static Schema of(Located one) {
        return new Schema(List.of(one));
    }

    Schema and(Schema other) {
        List<Located> both = new ArrayList<>(all);
        for (Located located : other.all) {
            if (both.stream().noneMatch(known -> known.where().equals(located.where()))) {
                both.add(located);
            }
        }
        return new Schema(List.copyOf(both));
    }

    /** Equal for schemas of the same places. */
    List<String> places() {
        return all.stream().map(Located::where).sorted().toList();
    }
}
