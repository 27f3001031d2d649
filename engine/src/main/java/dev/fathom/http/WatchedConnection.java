package dev.fathom.http;

import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ProxyProtocolData;
import io.helidon.webserver.Router;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * A connection that is read ahead by a thread of its own, so that the client's end of it is seen at once.
 *
 * <p>The read-ahead is bounded: a client that sends more than that while its request runs (pipelined requests) is left
 * waiting, and its end unseen, until the request is done.
 */
final class WatchedConnection implements ConnectionContext {
    private static final int CHUNKS_AHEAD = 16;
    /** No chunk is empty but this one. */
    private static final byte[] END = new byte[0];

    private final ConnectionContext connection;
    private final BlockingQueue<byte[]> ahead = new ArrayBlockingQueue<>(CHUNKS_AHEAD);
    private final DataReader reader = DataReader.create(this::nextChunk);
    private final Thread thread;

    WatchedConnection(ConnectionContext connection, ClientWatch watch) {
        this.connection = connection;
        this.thread = Thread.ofVirtual()
                .name("fathom-watch-" + connection.childSocketId())
                .start(() -> readAhead(connection.dataReader(), watch));
    }

    /** Ends the reading; called when the connection has been served to its end. */
    void stop() {
        thread.interrupt();
    }

    @Override
    public DataReader dataReader() {
        return reader;
    }

    private void readAhead(DataReader source, ClientWatch watch) {
        try {
            while (true) {
                source.ensureAvailable();
                ahead.put(source.readBytes(source.available()));
            }
        } catch (DataReader.InsufficientDataAvailableException | UncheckedIOException | CloseConnectionException e) {
            // All three are how the client's leaving looks, politely or by reset; the next read reports it.
            watch.left();
            endAhead();
        } catch (InterruptedException e) {
            watch.left(); // the connection has been served to its end; nobody reads any more
        }
    }

    private void endAhead() {
        try {
            ahead.put(END);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Null at the end of the stream, which is what a DataReader wants to hear. */
    private byte @Nullable [] nextChunk() {
        try {
            byte[] chunk = ahead.take();
            if (chunk.length == 0) {
                ahead.put(END);
                return null;
            }
            return chunk;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("Interrupted while waiting for the client", e);
        }
    }

    @Override
    public ListenerContext listenerContext() {
        return connection.listenerContext();
    }

    @Override
    public ExecutorService executor() {
        return connection.executor();
    }

    @Override
    public DataWriter dataWriter() {
        return connection.dataWriter();
    }

    @Override
    public Router router() {
        return connection.router();
    }

    @Override
    public Optional<ProxyProtocolData> proxyProtocolData() {
        return connection.proxyProtocolData();
    }

    @Override
    public HelidonSocket serverSocket() {
        return connection.serverSocket();
    }

    @Override
    public PeerInfo remotePeer() {
        return connection.remotePeer();
    }

    @Override
    public PeerInfo localPeer() {
        return connection.localPeer();
    }

    @Override
    public boolean isSecure() {
        return connection.isSecure();
    }

    @Override
    public String socketId() {
        return connection.socketId();
    }

    @Override
    public String childSocketId() {
        return connection.childSocketId();
    }
}
