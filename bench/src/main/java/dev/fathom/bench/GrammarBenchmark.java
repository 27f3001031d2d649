package dev.fathom.bench;

import dev.fathom.api.TokenMask;
import dev.fathom.text.Tokenizer;
import dev.fathom.text.grammar.CompiledGrammar;
import dev.fathom.text.grammar.GrammarCompiler;
import dev.fathom.text.grammar.GrammarOptions;
import dev.fathom.text.grammar.GrammarSource;
import dev.fathom.text.grammar.TokenTrie;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a grammar costs: to prepare it, and per token once it is prepared. The vocabulary is the embedded model's, or a
 * tokenizer.json (perhaps .gz) named by {@code -p vocabulary=PATH}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 4, time = 1)
public class GrammarBenchmark {
    private static final String SCHEMA = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\","
            + "\"maxLength\":40},\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":150},\"tags\":{\"type\":\"array\","
            + "\"items\":{\"type\":\"string\"}}},\"required\":[\"name\",\"age\",\"tags\"]}";
    private static final String TEXT =
            "{\"name\": \"Priya Raghunathan\", \"age\": 31, \"tags\": [\"pilot\", \"lives in Tokyo\", \"likes tea\"]}";

    @Param({"nano"})
    public String vocabulary = "";

    /** A strict function of DeepSeek-V3.1: free text, then a call. */
    private static final String TOOLS = "{\"type\":\"structural_tag\",\"format\":{\"type\":\"triggered_tags\","
            + "\"stop_after_first\":true,\"triggers\":[\"<｜tool▁calls▁begin｜>\"],\"tags\":[{\"type\":\"tag\",\"begin\":"
            + "\"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>person<｜tool▁sep｜>\",\"end\":\"<｜tool▁call▁end｜><｜tool▁calls▁end｜>\","
            + "\"content\":{\"type\":\"json_schema\",\"json_schema\":" + SCHEMA + "}}]}}";

    private static final String CALL = "Let me look that up.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>person<｜tool▁sep｜>"
            + TEXT + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

    @Param({"object", "schema", "tools"})
    public String grammar = "";

    private TokenTrie trie;
    private GrammarSource source;
    private CompiledGrammar compiled;
    private int[] ids;
    private int end;

    @Setup
    public void prepare() throws IOException {
        Tokenizer tokenizer = Tokenizer.parse(tokenizerJson(), vocabulary);
        end = tokenizer.size();
        trie = TokenTrie.of(end + 1, id -> tokenizer.isSpecial(id) ? new byte[0] : tokenizer.bytes(id));
        source = switch (grammar) {
            case "object" -> GrammarSource.JSON_OBJECT;
            case "schema" -> new GrammarSource(GrammarSource.Kind.JSON_SCHEMA, SCHEMA);
            default -> new GrammarSource(GrammarSource.Kind.STRUCTURAL_TAG, TOOLS);
        };
        compiled = fresh();
        ids = tokenizer.encode(grammar.equals("tools") ? CALL : TEXT);
        System.out.println(ids.length + " tokens, " + end + " in the vocabulary");
    }

    private byte[] tokenizerJson() throws IOException {
        if (vocabulary.equals("nano")) {
            try (InputStream in = Tokenizer.class.getResourceAsStream("/models/nano/tokenizer.json")) {
                return Objects.requireNonNull(in, "the embedded model has a tokenizer")
                        .readAllBytes();
            }
        }
        try (InputStream in = Files.newInputStream(Path.of(vocabulary))) {
            return (vocabulary.endsWith(".gz") ? new GZIPInputStream(in) : in).readAllBytes();
        }
    }

    private CompiledGrammar fresh() {
        return new GrammarCompiler(() -> trie, GrammarOptions.DEFAULT).compile(source);
    }

    /** A grammar nobody has asked for before. */
    @Benchmark
    public CompiledGrammar compile() {
        return fresh();
    }

    /** A whole answer, masks and steps, everything prepared by earlier answers; setup prints how many tokens it has. */
    @Benchmark
    public long answer() {
        return walk(compiled);
    }

    /** The first answer of a new grammar, compiling included: what is lazy is computed on the way. */
    @Benchmark
    public long firstAnswer() {
        return walk(fresh());
    }

    private long walk(CompiledGrammar walked) {
        TokenMask mask = walked.constraint(Set.of(end), -1).begin();
        long sum = 0;
        for (int id : ids) {
            sum += Objects.requireNonNull(mask.allowed())[id >>> 6];
            mask.accept(id);
        }
        return sum + Objects.requireNonNull(mask.allowed())[end >>> 6];
    }
}
