package dev.fathom.cli;

import dev.fathom.checkpoint.Conversion;
import dev.fathom.checkpoint.TargetFormat;
import dev.fathom.load.ModelLoader;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Writes a checkpoint in another weight format. */
@Command(
        name = "convert",
        description = {
            "Writes a checkpoint anew in another weight format; memory is needed for one tensor at a time.",
            "Reads what serve reads: folders of safetensors and GGUF files."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom convert --model-path /models/v2-lite --to fp8 --output /models/v2-lite-fp8",
            "  fathom convert --model-path /models/v3 --to int8 --output /models/v3-int8 --max-shard-size 8GB",
            "  fathom convert --model-path /models/v2-lite --to q8_0 --output /models/v2-lite-q8_0.gguf",
            "  fathom convert --model-path model-Q4_K_M.gguf --to bf16 --output model-bf16"
        })
final class ConvertCommand implements Callable<Integer> {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,6})\\s*(MB|GB)");

    private final Terminal terminal;

    @Option(
            names = {"--model-path", "--model"},
            paramLabel = "PATH",
            description = "The checkpoint: a folder, or a GGUF file. Default: the embedded model.")
    private @Nullable Path modelPath;

    @Option(
            names = "--to",
            paramLabel = "FORMAT",
            required = true,
            description =
                    "bf16; fp8 (blocks of 128x128, as DeepSeek publishes); int8 (W8A8, as llm-compressor writes); q8_0 (GGUF).")
    private String to = "";

    @Option(
            names = "--output",
            paramLabel = "PATH",
            required = true,
            description = "The new folder, or for q8_0 a file that ends in .gguf. Must not exist.")
    private @Nullable Path output;

    @Option(
            names = "--max-shard-size",
            paramLabel = "SIZE",
            description = "Most of a safetensors file, such as 500MB. Default: ${DEFAULT-VALUE}.")
    private String shardSize = "5GB";

    ConvertCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        TargetFormat format = TargetFormat.named(to)
                .orElseThrow(
                        () -> CliException.usage("--to must be one of " + TargetFormat.labels() + ", got " + to + "."));
        long shardBytes = shardBytes();
        Path target = output == null ? Path.of("") : output;
        Conversion conversion = new Conversion(ModelLoader.files(modelPath), format, target);
        for (Signals.Kind kind : Signals.Kind.values()) {
            Signals.handle(kind, conversion::abandon);
        }
        ProgressBar bar = new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Converting", System::nanoTime);
        long bytes = conversion.run(
                shardBytes,
                (done, total) -> bar.update(
                        (double) done / total,
                        Units.bytes(done) + " of " + Units.bytes(total) + ", " + rate(done, bar.elapsedSeconds())));
        bar.finish(Units.format(
                "Wrote %s, %s, in %.1f s (%s).",
                target, Units.bytes(bytes), bar.elapsedSeconds(), rate(bytes, bar.elapsedSeconds())));
        return 0;
    }

    private static String rate(long bytes, double seconds) {
        return Units.format("%.2f GB/s", seconds <= 0 ? 0 : bytes / 1e9 / seconds);
    }

    private long shardBytes() {
        Matcher size = SIZE.matcher(shardSize.toUpperCase(Locale.ROOT));
        if (!size.matches() || Long.parseLong(size.group(1)) == 0) {
            throw CliException.usage("--max-shard-size must be a size such as 500MB or 5GB, got " + shardSize + ".");
        }
        return Long.parseLong(size.group(1)) * (size.group(2).equals("GB") ? 1_000_000_000L : 1_000_000L);
    }
}
