package dev.fathom.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** The one thing a template can change: {@code {% set ns.name = value %}}. */
final class Namespace {
    final Map<String, Object> attributes = new LinkedHashMap<>();
}
