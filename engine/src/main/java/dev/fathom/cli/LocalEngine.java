package dev.fathom.cli;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Engine;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import java.lang.management.ManagementFactory;

/** A loaded model and the engine that runs it, in this process. */
final class LocalEngine implements AutoCloseable {
    private final LoadedModel loaded;
    private final Engine engine;
    private final KvBudget budget;

    private LocalEngine(LoadedModel loaded, Engine engine, KvBudget budget) {
        this.loaded = loaded;
        this.engine = engine;
        this.budget = budget;
    }

    /** Loads with a progress bar. */
    static LoadedModel load(LoadOptions options, ModelFlags flags, Terminal terminal) {
        ProgressBar bar = new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Loading", System::nanoTime);
        LoadedModel loaded = ModelLoader.load(options, new LoadProgress() {
            @Override
            public void advance(long done, long total) {
                bar.update(
                        total == 0 ? 1 : (double) done / total,
                        Units.bytes(done) + " of " + Units.bytes(total) + ", " + rate(done, bar.elapsedSeconds()));
            }

            @Override
            public void say(String text) {
                terminal.err().print(text);
                terminal.err().flush();
            }
        });
        double seconds = loaded.loadTime().toNanos() / 1e9;
        bar.finish(Units.format(
                "Loaded %s, %s, in %.2f s (%s).",
                loaded.modelName(), Units.bytes(loaded.weightBytes()), seconds, rate(loaded.weightBytes(), seconds)));
        return loaded;
    }

    private static String rate(long bytes, double seconds) {
        return Units.format("%.2f GB/s", seconds <= 0 ? 0 : bytes / 1e9 / seconds);
    }

    /** Starts the engine; closes the model if that fails. */
    static LocalEngine start(LoadedModel loaded, ModelFlags flags, SchedulerFlags scheduler, EngineListener listener) {
        boolean started = false;
        try {
            if (!loaded.kernels().cacheFormats().contains(flags.kvFormat())) {
                throw CliException.failure("A cache in " + flags.kvFormat() + " is not served by the kernels \""
                        + loaded.kernels().name() + "\", only "
                        + loaded.kernels().cacheFormats()
                        + ": add --device cpu, or use --kv-cache-dtype auto.");
            }
            KvBudget budget = KvBudget.of(
                    loaded.model().kvShape(),
                    flags.kvFormat(),
                    new KvBudget.Limits(
                            flags.maxTotalTokens(),
                            flags.memoryFraction(),
                            loaded.kernels().memoryBytes().orElseGet(LocalEngine::machineBytes),
                            loaded.weightBytes(),
                            loaded.contextLength(),
                            scheduler.maxRunningRequests(),
                            scheduler.pageSize()));
            EngineConfig config = scheduler.config(budget, flags, loaded.endTokenIds());
            Engine engine = Engine.start(loaded.model(), loaded.kernels(), Communicator.single(), config, listener);
            started = true;
            return new LocalEngine(loaded, engine, budget);
        } finally {
            if (!started) {
                loaded.close();
            }
        }
    }

    /** Of the machine, or of the container this runs in. */
    static long machineBytes() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize();
    }

    LoadedModel loaded() {
        return loaded;
    }

    Engine engine() {
        return engine;
    }

    KvBudget budget() {
        return budget;
    }

    /**
     * What the text side needs to know of the model.
     *
     * @param name      as clients see it
     * @param defaults  fill what requests leave open
     */
    ServedModel served(String name, String tokenizerPath, SamplingFields defaults, boolean priorities) {
        return ServedModel.of(loaded, name, tokenizerPath, defaults, priorities);
    }

    @Override
    public void close() {
        engine.close();
        loaded.close();
    }
}
