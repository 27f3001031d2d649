package dev.fathom.checkpoint.hub;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A hub on two loopback ports, with Hugging Face's protocol and ModelScope's: one port lists files and holds the small ones, the
 * other is the host that large files are redirected to. It misbehaves as it is told, which no well-made HTTP server does; so it
 * writes to its sockets itself.
 */
public final class HubServer implements AutoCloseable {
    public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    public static final String MODEL = "deepseek-ai/Torture";

    /** Files from here on are large: known by SHA-256, and kept on the other host. */
    private static final int LARGE = 20_000;

    private static final int PIECE = 8192;

    /** @param host 0 for the hub, 1 for the host of large files */
    record Request(int host, String method, String path, Map<String, String> headers) {
        boolean isFile() {
            return host == 1 || path.contains("/resolve/") || path.contains("FilePath=");
        }
    }

    /** What goes wrong with an answer. */
    sealed interface Fault {}

    /** Another status than the right one, and headers. */
    record Status(int code, Map<String, String> headers) implements Fault {
        Status(int code) {
            this(code, Map.of());
        }
    }

    /** So many bytes of the body, then the connection ends. */
    record Drop(int bytes) implements Fault {}

    /** A bit is turned. */
    record WrongBytes() implements Fault {}

    /** So many more bytes are announced than come, or fewer. */
    record WrongLength(int more) implements Fault {}

    /** The whole file, whatever was asked for. */
    record NoRanges() implements Fault {}

    /** The right bytes, under a range that is not theirs. */
    record WrongRange() implements Fault {}

    /** A body of its own. */
    record Body(String text) implements Fault {}

    private final ServerSocket[] sockets;
    private final Map<String, byte[]> files;
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final AtomicLong bytesSent = new AtomicLong();
    private final AtomicInteger fileRequests = new AtomicInteger();
    private volatile Function<Request, List<Fault>> faults = request -> List.of();
    private volatile Runnable onBytes = () -> {};
    private volatile boolean listsBlobs = true;

    HubServer(Map<String, byte[]> files) throws IOException {
        this.files = new TreeMap<>(files);
        this.sockets = new ServerSocket[] {
            new ServerSocket(0, 200, InetAddress.getLoopbackAddress()),
            new ServerSocket(0, 200, InetAddress.getLoopbackAddress())
        };
        for (int host = 0; host < sockets.length; host++) {
            int index = host;
            Thread.ofVirtual().start(() -> accept(index));
        }
    }

    /** Serves a folder as a hub until it is ended, for trying other clients: {@code HubServer FOLDER}. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        try (HubServer server = ofFolder(Path.of(arguments[0]))) {
            System.out.println(server.endpoint());
            Thread.currentThread().join();
        }
    }

    /** All files of a folder; links are followed. */
    public static HubServer ofFolder(Path folder) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        try (var paths = Files.list(folder)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                files.put(String.valueOf(path.getFileName()), Files.readAllBytes(path));
            }
        }
        return new HubServer(files);
    }

    public URI endpoint() {
        return uri(0);
    }

    private URI uri(int host) {
        return URI.create("http://127.0.0.1:" + sockets[host].getLocalPort());
    }

    /** Asked for each request; the first fault of the answer counts. */
    void faults(Function<Request, List<Fault>> value) {
        faults = value;
    }

    /** Faults one after the other for requests of files, then none. */
    void faultsOfFiles(Fault... list) {
        faults = request -> {
            int number = request.isFile() ? fileRequests.getAndIncrement() : list.length;
            return number < list.length ? List.of(list[number]) : List.of();
        };
    }

    /** As a mirror that knows sizes and checksums only of single files. */
    void listNoBlobs() {
        listsBlobs = false;
    }

    /** Run after each piece of a file. */
    void onBytes(Runnable value) {
        onBytes = value;
    }

    List<Request> requests() {
        return List.copyOf(requests);
    }

    List<Request> fileRequests() {
        return requests.stream()
                .filter(Request::isFile)
                .filter(request -> request.method().equals("GET"))
                .toList();
    }

    /** Of files' bodies. */
    long bytesSent() {
        return bytesSent.get();
    }

    private void accept(int host) {
        while (!sockets[host].isClosed()) {
            try {
                Socket socket = sockets[host].accept();
                Thread.ofVirtual().start(() -> serve(host, socket));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(int host, Socket socket) {
        try (socket;
                InputStream in = new BufferedInputStream(socket.getInputStream());
                OutputStream out = socket.getOutputStream()) {
            for (String first = line(in); !first.isEmpty(); first = line(in)) {
                Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
                for (String header = line(in); !header.isEmpty(); header = line(in)) {
                    headers.put(header.replaceFirst(":.*", ""), header.replaceFirst("[^:]*:\\s*", ""));
                }
                String[] words = first.split(" ");
                Request request = new Request(host, words[0], words[1], headers);
                requests.add(request);
                if (!answer(request, out)) {
                    return;
                }
            }
        } catch (IOException e) {
            // the client has gone, as killed ones do
        }
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        int c;
        while ((c = in.read()) >= 0 && c != '\n') {
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    /** @return whether the connection goes on */
    private boolean answer(Request request, OutputStream out) throws IOException {
        List<Fault> wrong = faults.apply(request);
        @Nullable Fault fault = wrong.isEmpty() ? null : wrong.getFirst();
        if (fault instanceof Status status) {
            head(out, status.code, 0, status.headers);
            return true;
        }
        if (fault instanceof Body body) {
            send(request, out, body.text.getBytes(StandardCharsets.UTF_8), Map.of());
            return true;
        }
        String path = request.path;
        if (path.startsWith("/api/models/" + MODEL + "/revision/")) {
            send(request, out, listing(), Map.of());
        } else if (path.startsWith("/api/models/" + MODEL + "/tree/")) {
            send(request, out, tree(), Map.of());
        } else if (path.startsWith("/api/v1/models/" + MODEL + "/repo/files")) {
            send(request, out, modelScopeListing(), Map.of());
        } else {
            return file(request, fault, out);
        }
        return true;
    }

    private boolean file(Request request, @Nullable Fault fault, OutputStream out) throws IOException {
        String name = request.path.replaceFirst(".*FilePath=|/(cdn|" + MODEL + "/resolve/[^/]*)/", "");
        name = URLDecoder.decode(name.replaceFirst("\\?.*", ""), StandardCharsets.UTF_8);
        byte[] content = files.get(name);
        if (content == null) {
            head(
                    out,
                    404,
                    0,
                    Map.of("X-Error-Code", request.path.startsWith("/" + MODEL) ? "EntryNotFound" : "RepoNotFound"));
            return true;
        }
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("X-Repo-Commit", COMMIT);
        headers.put("ETag", "\"" + hash(content) + "\"");
        if (request.host == 0 && content.length >= LARGE && !request.path.contains("FilePath=")) {
            headers.put("Location", uri(1) + "/cdn/" + name + "?signature=s");
            headers.put("X-Linked-Etag", "\"" + hash(content) + "\"");
            headers.put("X-Linked-Size", Integer.toString(content.length));
            head(out, 302, 0, headers);
            return true;
        }
        if (request.method.equals("HEAD")) {
            head(out, 200, content.length, headers);
            return true;
        }
        return body(request, fault, out, content, headers);
    }

    private boolean body(
            Request request, @Nullable Fault fault, OutputStream out, byte[] content, Map<String, String> headers)
            throws IOException {
        String range = request.headers.getOrDefault("Range", "");
        int from = range.isEmpty() || fault instanceof NoRanges
                ? 0
                : Integer.parseInt(range.replaceAll("bytes=(\\d+)-.*", "$1"));
        if (from >= content.length) {
            head(out, 416, 0, Map.of("Content-Range", "bytes */" + content.length));
            return true;
        }
        byte[] sent = Arrays.copyOfRange(content, from, content.length);
        if (fault instanceof WrongBytes) {
            sent[sent.length / 2] ^= 1;
        }
        boolean partial = !range.isEmpty() && !(fault instanceof NoRanges);
        if (partial) {
            int claimed = fault instanceof WrongRange ? from + 1 : from;
            headers.put("Content-Range", "bytes " + claimed + "-" + (content.length - 1) + "/" + content.length);
        }
        int more = fault instanceof WrongLength length ? length.more : 0;
        head(out, partial ? 206 : 200, sent.length + more, headers);
        int end = fault instanceof Drop drop ? Math.min(drop.bytes, sent.length) : sent.length;
        for (int at = 0; at < end; at += PIECE) {
            int count = Math.min(PIECE, end - at);
            out.write(sent, at, count);
            out.flush();
            bytesSent.addAndGet(count);
            onBytes.run();
        }
        return end == sent.length && more == 0;
    }

    private static void send(Request request, OutputStream out, byte[] body, Map<String, String> headers)
            throws IOException {
        head(out, 200, body.length, headers);
        if (!request.method.equals("HEAD")) {
            out.write(body);
            out.flush();
        }
    }

    private static void head(OutputStream out, int status, long length, Map<String, String> headers)
            throws IOException {
        StringBuilder text = new StringBuilder("HTTP/1.1 " + status + " X\r\nContent-Length: " + length + "\r\n");
        headers.forEach((name, value) -> text.append(name + ": " + value + "\r\n"));
        out.write((text + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    private byte[] listing() {
        ObjectNode root =
                JsonMapper.shared().createObjectNode().put("id", MODEL).put("sha", COMMIT);
        var siblings = root.putArray("siblings");
        files.forEach((name, content) -> {
            ObjectNode file = siblings.addObject().put("rfilename", name);
            if (listsBlobs) {
                file.put("size", content.length).put("blobId", gitHash(content));
                if (content.length >= LARGE) {
                    file.putObject("lfs")
                            .put("sha256", sha256(content))
                            .put("size", content.length)
                            .put("pointerSize", 130);
                }
            }
        });
        return JsonMapper.shared().writeValueAsBytes(root);
    }

    private byte[] tree() {
        var root = JsonMapper.shared().createArrayNode();
        files.forEach((name, content) -> {
            ObjectNode file = root.addObject()
                    .put("type", "file")
                    .put("path", name)
                    .put("size", content.length)
                    .put("oid", gitHash(content));
            if (content.length >= LARGE) {
                file.putObject("lfs")
                        .put("oid", sha256(content))
                        .put("size", content.length)
                        .put("pointerSize", 130);
            }
        });
        return JsonMapper.shared().writeValueAsBytes(root);
    }

    private byte[] modelScopeListing() {
        ObjectNode root =
                JsonMapper.shared().createObjectNode().put("Code", 200).put("Success", true);
        var list = root.putObject("Data").putArray("Files");
        list.addObject().put("Path", "figures").put("Type", "tree");
        files.forEach((name, content) -> list.addObject()
                .put("Path", name)
                .put("Name", name)
                .put("Type", "blob")
                .put("Size", content.length)
                .put("Revision", COMMIT)
                .put("Sha256", sha256(content)));
        return JsonMapper.shared().writeValueAsBytes(root);
    }

    static String hash(byte[] content) {
        return content.length >= LARGE ? sha256(content) : gitHash(content);
    }

    static String sha256(byte[] content) {
        return digest("SHA-256", List.of(content));
    }

    private static String gitHash(byte[] content) {
        String head = String.format(Locale.ROOT, "blob %d\0", content.length);
        return digest("SHA-1", List.of(head.getBytes(StandardCharsets.US_ASCII), content));
    }

    private static String digest(String algorithm, List<byte[]> parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            parts.forEach(digest::update);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        for (ServerSocket socket : new ArrayList<>(Arrays.asList(sockets))) {
            socket.close();
        }
    }
}
