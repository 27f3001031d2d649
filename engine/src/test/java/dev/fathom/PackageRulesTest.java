package dev.fathom;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Holds the packages to their ranks: who may import whom. The table is the architecture; docs/architecture.md explains it. */
class PackageRulesTest {
    private static final String ROOT = "dev.fathom.";

    /** Package to the packages it may import. An edge that is not here fails the build, by name. */
    private static final Map<String, Set<String>> ALLOWED = Map.ofEntries(
            Map.entry("api", Set.of()),
            Map.entry("tensor", Set.of()),
            Map.entry("kernels", Set.of("tensor")),
            Map.entry("comm", Set.of("tensor")),
            Map.entry("checkpoint", Set.of("tensor")),
            Map.entry("checkpoint.hub", Set.of("checkpoint")),
            Map.entry("text", Set.of("api", "text.jinja", "text.regex")),
            Map.entry("text.jinja", Set.of("api")),
            Map.entry("text.regex", Set.of()),
            Map.entry("text.answer", Set.of()),
            Map.entry("text.grammar", Set.of("api")),
            Map.entry("kernels.scalar", Set.of("tensor", "kernels")),
            Map.entry("kernels.vector", Set.of("tensor", "kernels", "kernels.scalar")),
            Map.entry("kernels.c", Set.of("tensor", "kernels", "kernels.vector")),
            Map.entry("kernels.cuda", Set.of("tensor", "kernels", "comm")),
            Map.entry("model", Set.of("tensor", "kernels", "comm", "checkpoint")),
            Map.entry("cache", Set.of("api", "tensor", "kernels")),
            Map.entry("model.deepseek", Set.of("tensor", "kernels", "comm", "checkpoint", "model")),
            Map.entry("model.llama", Set.of("tensor", "kernels", "comm", "checkpoint", "model")),
            Map.entry("engine", Set.of("api", "tensor", "kernels", "comm", "model", "cache")),
            Map.entry(
                    "load",
                    Set.of(
                            "api",
                            "tensor",
                            "kernels",
                            "kernels.scalar",
                            "kernels.vector",
                            "kernels.c",
                            "kernels.cuda",
                            "comm",
                            "checkpoint",
                            "text",
                            "model",
                            "model.deepseek",
                            "model.llama")),
            Map.entry(
                    "serve",
                    Set.of(
                            "api",
                            "kernels",
                            "comm",
                            "checkpoint",
                            "text",
                            "text.answer",
                            "text.grammar",
                            "model",
                            "engine",
                            "load")),
            Map.entry(
                    "http",
                    Set.of("api", "checkpoint", "text", "text.answer", "text.grammar", "engine", "load", "serve")),
            Map.entry(
                    "cli",
                    Set.of(
                            "api",
                            "kernels",
                            "comm",
                            "checkpoint",
                            "checkpoint.hub",
                            "text",
                            "text.answer",
                            "text.grammar",
                            "model",
                            "engine",
                            "load",
                            "serve",
                            "http")));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.fathom");

    @Test
    void importsOnlyAllowedPackages() {
        Map<String, String> offending = new TreeMap<>();
        for (JavaClass from : CLASSES) {
            String fromPackage = name(from);
            for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
                JavaClass to = dependency.getTargetClass().getBaseComponentType();
                if (!to.getPackageName().startsWith("dev.fathom")) {
                    continue;
                }
                String toPackage = name(to);
                boolean allowed = fromPackage.equals(toPackage)
                        || ALLOWED.getOrDefault(fromPackage, Set.of()).contains(toPackage);
                if (!allowed) {
                    offending.putIfAbsent(fromPackage + " -> " + toPackage, dependency.getDescription());
                }
            }
        }
        assertThat(offending).as("package edges that the table does not allow").isEmpty();
    }

    @Test
    void listsEveryPackage() {
        Set<String> unknown = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (!ALLOWED.containsKey(name(type))) {
                unknown.add(name(type));
            }
        }
        assertThat(unknown).as("packages missing from the table").isEmpty();
    }

    @Test
    void hasNoCyclesInTheTable() {
        Set<String> done = new TreeSet<>();
        while (done.size() < ALLOWED.size()) {
            Set<String> ready = new TreeSet<>();
            ALLOWED.forEach((from, to) -> {
                if (!done.contains(from) && done.containsAll(to)) {
                    ready.add(from);
                }
            });
            assertThat(ready).as("packages in a cycle, beside " + done).isNotEmpty();
            done.addAll(ready);
        }
    }

    private static String name(JavaClass type) {
        String packageName = type.getBaseComponentType().getPackageName();
        return packageName.startsWith(ROOT) ? packageName.substring(ROOT.length()) : "(root)";
    }
}
