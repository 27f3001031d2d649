package dev.fathom.http;

import dev.fathom.api.EngineStats;
import dev.fathom.engine.EngineConfig;
import dev.fathom.kernels.KvFormat;
import dev.fathom.serve.Fathom;
import dev.fathom.serve.FathomOptions;
import dev.fathom.serve.Generator;
import java.util.function.UnaryOperator;

/** The embedded model behind a real server. */
final class NanoServer implements AutoCloseable {
    final Fathom fathom;
    final TestServer http;

    private NanoServer(Fathom fathom, TestServer http) {
        this.fathom = fathom;
        this.http = http;
    }

    /** With a float32 cache, so that greedy answers equal the reference's. */
    static NanoServer start(UnaryOperator<EngineConfig> engine) {
        Fathom fathom = Fathom.load(FathomOptions.EMBEDDED
                .withEngine(config -> engine.apply(config.withKvFormat(KvFormat.F32)))
                .withModelDefaults(false));
        boolean started = false;
        try {
            var http = TestServer.start(
                    fathom.model(), Generator.of(fathom.engine()), config -> config.enableCacheReport(true));
            started = true;
            return new NanoServer(fathom, http);
        } finally {
            if (!started) {
                fathom.close();
            }
        }
    }

    EngineStats stats() {
        return fathom.engine().stats();
    }

    @Override
    public void close() {
        http.close();
        fathom.close();
    }
}
