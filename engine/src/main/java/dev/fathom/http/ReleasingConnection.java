package dev.fathom.http;

import io.helidon.common.concurrency.limits.Limit;
import io.helidon.webserver.spi.ServerConnection;
import java.time.Duration;

/** A connection that runs an action when it has been served to its end. */
final class ReleasingConnection implements ServerConnection {
    private final ServerConnection connection;
    private final Runnable onEnd;

    ReleasingConnection(ServerConnection connection, Runnable onEnd) {
        this.connection = connection;
        this.onEnd = onEnd;
    }

    @Override
    public void handle(Limit limit) throws InterruptedException {
        try {
            connection.handle(limit);
        } finally {
            onEnd.run();
        }
    }

    @Override
    public Duration idleTime() {
        return connection.idleTime();
    }

    @Override
    public void close(boolean interrupt) {
        connection.close(interrupt);
    }
}
