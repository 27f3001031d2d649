package dev.fathom.cli;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.hub.HubRequest;
import dev.fathom.load.KnownModels;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.MachineProbe;
import dev.fathom.load.ModelCensus;
import dev.fathom.load.ModelSize;
import dev.fathom.load.PlanFormat;
import dev.fathom.model.WeightQuantization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What of a model fits where, and how fast it will be. */
@Command(
        name = "plan",
        description = {
            "Says which formats of a model fit this machine, how much context and how many sequences, how fast it will be, and",
            "how it is started. Weights are counted by the classes that load them; bandwidth and arithmetic are measured here,",
            "with the kernels that would serve, in a few seconds."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom plan deepseek-ai/DeepSeek-V2-Lite",
            "  fathom plan /models/my-checkpoint",
            "  fathom plan deepseek-ai/DeepSeek-V3 --memory 1536 --bandwidth 500 --flops 8000     another machine",
            "  fathom plan --all --json"
        })
final class PlanCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A known model's name, a config.json, a checkpoint's folder, or a hub's id, whose config.json is fetched.")
    private @Nullable String model;

    @Option(names = "--all", description = "All models of the family.")
    private boolean all;

    @Option(names = "--memory", paramLabel = "GB", description = "Of a node, or of a GPU. Default: this machine's.")
    private double memoryGigabytes;

    @Option(names = "--nodes", paramLabel = "N", description = "Machines. Default: ${DEFAULT-VALUE}.")
    private int nodes = 1;

    @Option(
            names = "--gpus",
            paramLabel = "N",
            description = "GPUs of a node; 0 plans for its CPU. Default: one if it is here.")
    private int gpus = -1;

    @Option(names = "--bandwidth", paramLabel = "GB/S", description = "How fast weights are read. Default: measured.")
    private double bandwidth;

    @Option(names = "--flops", paramLabel = "GFLOP/S", description = "How fast they are multiplied. Default: measured.")
    private double flops;

    @Option(
            names = "--context",
            paramLabel = "TOKENS",
            description = "Of each sequence, for batch and speed. Default: ${DEFAULT-VALUE}.")
    private int context = 4096;

    @Option(
            names = "--max-running-requests",
            paramLabel = "N",
            description = "Sequences at once, if so many fit. Default: ${DEFAULT-VALUE}.")
    private int sequences = 256;

    @Option(
            names = "--mem-fraction-static",
            paramLabel = "SHARE",
            description = "Of the memory, for weights and cache. Default: ${DEFAULT-VALUE}.")
    private double memoryFraction = 0.8;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Mixin
    private HubFlags hub = new HubFlags();

    @Mixin
    private KernelCacheFlag kernelCache = new KernelCacheFlag();

    PlanCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        List<Plan.Subject> subjects = all ? family() : List.of(subject(String.valueOf(model)));
        Plan.Machine machine = new Plan.Machine(
                memoryGigabytes > 0 ? (long) (memoryGigabytes * 1e9) : LocalEngine.machineBytes(),
                memoryFraction,
                nodes,
                Math.max(gpus, 0),
                context,
                sequences);
        Map<PlanFormat, MachineProbe.Speed> speeds = new EnumMap<>(PlanFormat.class);
        List<Plan.Row> rows = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        ProgressBar bar =
                new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Counting weights", System::nanoTime);
        for (int i = 0; i < subjects.size(); i++) {
            Plan.Subject subject = subjects.get(i);
            bar.update((double) i / subjects.size(), subject.name());
            for (PlanFormat format : formats(subject.config())) {
                try {
                    ModelSize size = ModelCensus.of(subject.config(), format, onGpu());
                    Plan.Row row = Plan.row(subject, format, size, machine);
                    rows.add(row.fits() ? row.at(speed(subject.config(), format, speeds)) : row);
                } catch (CheckpointException e) {
                    if (!all) {
                        throw e;
                    }
                    refused.add(subject.name() + ": " + e.getMessage());
                    break;
                }
            }
        }
        terminal.out()
                .print(json ? PlanReport.json(rows, machine, refused) : PlanReport.text(rows, machine, refused, all));
        return 0;
    }

    private void check() {
        if (all == (model != null)) {
            throw CliException.usage("Give a model, or --all for the family.");
        }
        if (nodes < 1
                || gpus < -1
                || context < 1
                || sequences < 1
                || memoryGigabytes < 0
                || bandwidth < 0
                || flops < 0) {
            throw CliException.usage("--nodes, --gpus, --memory, --bandwidth, --flops, --context and"
                    + " --max-running-requests must be positive.");
        }
        if (!(memoryFraction > 0 && memoryFraction < 1)) {
            throw CliException.usage("--mem-fraction-static must be between 0 and 1, got " + memoryFraction + ".");
        }
        if ((bandwidth > 0) != (flops > 0)) {
            throw CliException.usage("--bandwidth and --flops go together: both of another machine, or both measured.");
        }
        hub.requireHub(Optional.ofNullable(model));
    }

    private boolean onGpu() {
        return gpus > 0 || (gpus < 0 && MachineProbe.hasGpu());
    }

    private static List<Plan.Subject> family() {
        return KnownModels.all().stream()
                .map(known -> new Plan.Subject(known.ids().getFirst(), known.config()))
                .toList();
    }

    private Plan.Subject subject(String text) throws InterruptedException {
        if (!Files.exists(Path.of(text))) {
            Optional<HfConfig> known = KnownModels.config(text);
            if (known.isPresent()) {
                return new Plan.Subject(text, known.get());
            }
        }
        Path place = hub.resolve(text, HubRequest.Part.CONFIGURATION, environment, terminal);
        try {
            HfConfig config = Files.isRegularFile(place)
                    ? HfConfig.parse(Files.readAllBytes(place), place.toString())
                    : HfConfig.parse(
                            CheckpointFiles.folder(place).read("config.json"),
                            place.resolve("config.json").toString());
            return new Plan.Subject(text, config);
        } catch (IOException e) {
            throw CliException.failure(place + " cannot be read: " + e.getMessage());
        }
    }

    /** As published; plain numbers also quantized at load; and as GGUF. */
    private static List<PlanFormat> formats(HfConfig config) {
        return WeightQuantization.read(config) == WeightQuantization.NONE
                ? List.of(PlanFormat.BF16, PlanFormat.FP8, PlanFormat.INT8, PlanFormat.Q8_0, PlanFormat.Q4_K)
                : List.of(PlanFormat.PUBLISHED, PlanFormat.Q8_0, PlanFormat.Q4_K);
    }

    private MachineProbe.Speed speed(HfConfig config, PlanFormat format, Map<PlanFormat, MachineProbe.Speed> known) {
        if (bandwidth > 0) {
            return new MachineProbe.Speed(bandwidth * 1e9, flops * 1e9, java.util.OptionalLong.empty(), "as given");
        }
        return known.computeIfAbsent(format, wanted -> {
            ProgressBar bar = new ProgressBar(
                    terminal.err(), terminal.errorIsTerminal(), "Measuring " + wanted.label(), System::nanoTime);
            LoadOptions options = LoadOptions.EMBEDDED
                    .withKernelBackend(gpus < 0 ? "auto" : gpus > 0 ? "cuda" : "cpu")
                    .withKernelCache(kernelCache.folder(environment).orElse(null));
            MachineProbe.Speed speed = MachineProbe.measure(
                    options, config, wanted, (done, total) -> bar.update((double) done / total, ""));
            bar.finish(Units.format(
                    "Measured %s: %.1f GB/s of weights, %.0f GFLOP/s (%s).",
                    wanted.label(), speed.bytesPerSecond() / 1e9, speed.flopsPerSecond() / 1e9, speed.backend()));
            return speed;
        });
    }
}
