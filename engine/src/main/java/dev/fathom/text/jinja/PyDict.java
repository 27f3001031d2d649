package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A dict: in the order of insertion, keys equal as in Python ({@code 1 == 1.0 == True}). */
final class PyDict {
    private record Entry(Object key, Object value) {}

    private final Map<Object, Entry> entries = new LinkedHashMap<>();

    /** Sets a value; a key that is there keeps its place and form. */
    void put(Execution execution, Object key, Object value) {
        Object hashed = HashKeys.of(execution, key);
        Entry old = entries.get(hashed);
        entries.put(hashed, new Entry(old == null ? key : old.key(), value));
    }

    void put(String key, Object value) {
        entries.put(key, new Entry(key, value));
    }

    @Nullable
    Object get(Execution execution, Object key) {
        Entry entry = entries.get(HashKeys.of(execution, key));
        return entry == null ? null : entry.value();
    }

    @Nullable
    Object get(String key) {
        Entry entry = entries.get(key);
        return entry == null ? null : entry.value();
    }

    int size() {
        return entries.size();
    }

    List<Object> keys() {
        List<Object> keys = new ArrayList<>(entries.size());
        entries.values().forEach(entry -> keys.add(entry.key()));
        return keys;
    }

    List<Object> values() {
        List<Object> values = new ArrayList<>(entries.size());
        entries.values().forEach(entry -> values.add(entry.value()));
        return values;
    }

    List<Object> items() {
        List<Object> items = new ArrayList<>(entries.size());
        entries.values().forEach(entry -> items.add(PyList.tuple(entry.key(), entry.value())));
        return items;
    }
}
