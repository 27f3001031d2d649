package dev.fathom.http;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A span read from the bytes of OTLP's protocol buffers, as far as tests ask for it.
 *
 * @see "opentelemetry-proto 1.x, trace.proto and trace_service.proto"
 */
record SpanBytes(String trace, String id, String parent, String name, long start, long end, boolean failed) {
    private static final int ERROR = 2;

    /** A field of a message: a number, or bytes. */
    private record Field(int tag, long number, byte[] bytes) {}

    static List<SpanBytes> ofRequest(byte[] request) {
        List<SpanBytes> spans = new ArrayList<>();
        for (Field resource : fields(request, 1)) {
            for (Field scope : fields(resource.bytes(), 2)) {
                for (Field span : fields(scope.bytes(), 2)) {
                    spans.add(of(span.bytes()));
                }
            }
        }
        return spans;
    }

    private static SpanBytes of(byte[] span) {
        boolean failed = fields(span, 15).stream()
                .flatMap(status -> fields(status.bytes(), 3).stream())
                .anyMatch(code -> code.number() == ERROR);
        return new SpanBytes(
                hex(span, 1),
                hex(span, 2),
                hex(span, 4),
                new String(first(span, 5).bytes(), StandardCharsets.UTF_8),
                first(span, 7).number(),
                first(span, 8).number(),
                failed);
    }

    private static String hex(byte[] message, int tag) {
        return HexFormat.of().formatHex(first(message, tag).bytes());
    }

    private static Field first(byte[] message, int tag) {
        List<Field> found = fields(message, tag);
        return found.isEmpty() ? new Field(tag, 0, new byte[0]) : found.getFirst();
    }

    private static List<Field> fields(byte[] message, int wanted) {
        List<Field> found = new ArrayList<>();
        ByteBuffer in = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            long key = varint(in);
            int tag = (int) (key >>> 3);
            Field field = switch ((int) (key & 7)) {
                case 0 -> new Field(tag, varint(in), new byte[0]);
                case 1 -> new Field(tag, in.getLong(), new byte[0]);
                case 2 -> {
                    byte[] bytes = new byte[(int) varint(in)];
                    in.get(bytes);
                    yield new Field(tag, 0, bytes);
                }
                case 5 -> new Field(tag, in.getInt(), new byte[0]);
                default -> throw new IllegalArgumentException("not a field: " + key);
            };
            if (tag == wanted) {
                found.add(field);
            }
        }
        return found;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte part = in.get();
            value |= (long) (part & 0x7f) << shift;
            if (part >= 0) {
                return value;
            }
        }
    }
}
