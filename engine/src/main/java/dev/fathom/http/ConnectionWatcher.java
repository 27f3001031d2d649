package dev.fathom.http;

import io.helidon.common.buffers.BufferData;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * HTTP/1.1 connections whose end is noticed while a request is being worked on.
 *
 * <p>Helidon sees that a client has left only when it writes to it. A request in a long prefill, or one that is
 * answered in one piece, writes nothing for as long as it runs, and would keep the engine busy for nobody. So each
 * connection gets a thread of its own that always reads; see {@link WatchedConnection}.
 */
final class ConnectionWatcher implements ServerConnectionSelector {
    private final ServerConnectionSelector http1;
    private final Map<String, ClientWatch> watches = new ConcurrentHashMap<>();

    ConnectionWatcher(Http1Config config) {
        http1 = Http1ConnectionSelector.builder().config(config).build();
    }

    /** The watch over the connection this request came by. */
    ClientWatch watch(ServerRequest request) {
        ClientWatch watch = watches.get(request.socketId());
        if (watch == null) {
            throw new IllegalStateException("no watch over the connection " + request.socketId());
        }
        return watch;
    }

    @Override
    public int bytesToIdentifyConnection() {
        return http1.bytesToIdentifyConnection();
    }

    @Override
    public Support supports(BufferData data) {
        return http1.supports(data);
    }

    @Override
    public Set<String> supportedApplicationProtocols() {
        return http1.supportedApplicationProtocols();
    }

    @Override
    public ServerConnection connection(ConnectionContext context) {
        String id = context.childSocketId();
        var watch = new ClientWatch();
        watches.put(id, watch);
        var watched = new WatchedConnection(context, watch);
        return new ReleasingConnection(http1.connection(watched), () -> {
            watches.remove(id);
            watched.stop();
        });
    }
}
