package dev.fathom.kernels.cuda;

import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.kernels.TokenChooser.Candidates;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Tokens chosen where the logits lie. The largest logit and a draw from all tokens need nothing of the host; of a draw among
 * the likeliest these come back, and the host draws. Where they were too few the row itself comes back.
 */
final class CudaChoice {
    // As choose.cu has them.
    private static final int THREADS = 1024;
    private static final long WANTED_BYTES = 32;
    private static final long FOUND_BYTES = 16;
    private static final long TAKE_LARGEST = 0;
    private static final long DRAW_FROM_ALL = 1;
    private static final long GIVE_LARGEST = 2;

    /** More of the likeliest than these are looked for by the host. */
    private static final int MOST_CANDIDATES = 1024;

    private final Launch launch;
    private final Staging staging;
    private final Kernel kernel;
    private final Workspace found;

    CudaChoice(CudaDevice device, CudaKernels kernels, Launch launch, Staging staging) {
        this.launch = launch;
        this.staging = staging;
        kernel = kernels.kernel("choose_tokens");
        found = new Workspace(device);
    }

    int[] choose(Tensor logits, int[] rows, List<TokenChoice> choices, TokenChooser chooser) {
        OpShapes.chooseTokens(logits, rows, choices);
        if (rows.length == 0) {
            return new int[0];
        }
        int vocabulary = logits.cols();
        int most = choices.stream()
                .mapToInt(choice -> candidates(choice, vocabulary))
                .max()
                .orElse(0);
        long stride = FOUND_BYTES + 8L * most;
        long to = found.take(stride * rows.length);
        long wanted = staging.send(WANTED_BYTES * rows.length, memory -> {
            for (int i = 0; i < rows.length; i++) {
                write(choices.get(i), rows[i], vocabulary, memory.asSlice(i * WANTED_BYTES, WANTED_BYTES));
            }
        });
        launch.begin()
                .put("logits", logits)
                .put((long) vocabulary)
                .put(wanted)
                .put(to)
                .put(stride)
                .run(kernel, new Grid(rows.length, 1, 1, THREADS));
        byte[] host = staging.fetch(to, stride * rows.length).toArray(ValueLayout.JAVA_BYTE);
        int[] ids = new int[rows.length];
        for (int i = 0; i < rows.length; i++) {
            TokenChoice choice = choices.get(i);
            MemorySegment result = MemorySegment.ofArray(host).asSlice(i * stride, stride);
            ids[i] = chosen(result, choice, vocabulary, chooser);
            if (ids[i] == TokenChooser.NEEDS_MORE) {
                ids[i] = chooser.choose(staging.fetch(logits.rows(rows[i], 1)), 0, choice);
            }
        }
        return ids;
    }

    /** How many of the likeliest come back. */
    private static int candidates(TokenChoice choice, int vocabulary) {
        return kind(choice) == GIVE_LARGEST
                ? Math.min(TokenChooser.firstSelection(choice, vocabulary), MOST_CANDIDATES)
                : 0;
    }

    private static long kind(TokenChoice choice) {
        return choice.isLargest() ? TAKE_LARGEST : choice.isFromAll() ? DRAW_FROM_ALL : GIVE_LARGEST;
    }

    /** {@code struct Wanted}. */
    private static void write(TokenChoice choice, int row, int vocabulary, MemorySegment to) {
        to.set(ValueLayout.JAVA_DOUBLE, 0, choice.uniform());
        to.set(ValueLayout.JAVA_FLOAT, 8, choice.temperature());
        to.set(ValueLayout.JAVA_FLOAT, 12, choice.isFromAll() ? choice.minP() : 0);
        to.set(ValueLayout.JAVA_INT, 16, row);
        to.set(ValueLayout.JAVA_INT, 20, candidates(choice, vocabulary));
        to.set(ValueLayout.JAVA_LONG, 24, kind(choice));
    }

    /** Of {@code struct FoundTokens} and what lies behind it. */
    private static int chosen(MemorySegment result, TokenChoice choice, int vocabulary, TokenChooser chooser) {
        int id = (int) result.get(ValueLayout.JAVA_LONG_UNALIGNED, 8);
        if (id < 0) {
            return TokenChooser.NOT_FINITE;
        }
        if (kind(choice) != GIVE_LARGEST) {
            return id;
        }
        long count = candidates(choice, vocabulary);
        Candidates likeliest = new Candidates(
                result.asSlice(FOUND_BYTES, 4 * count).toArray(ValueLayout.JAVA_INT_UNALIGNED),
                result.asSlice(FOUND_BYTES + 4 * count, 4 * count).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
        return chooser.choose(likeliest, vocabulary, result.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 0), choice);
    }
}
