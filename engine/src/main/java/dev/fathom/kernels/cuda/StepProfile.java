package dev.fathom.kernels.cuda;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Where the time of one step goes. A kind of launch, one kernel on one grid, takes by what the step is shorter without it, or longer
 * with it made twice, so that waiting, launching and what runs beside it count as they do in the step. Without a product the layers
 * behind it see other numbers, and their tokens may go to fewer experts: what that saves is counted too.
 *
 * @param seconds   of all launches, played back as one graph
 * @param launches  how many that are
 * @param kinds     the longest first
 */
public record StepProfile(double seconds, int launches, List<Kind> kinds) {
    /** Sorts kinds. */
    public StepProfile {
        kinds = kinds.stream()
                .sorted(Comparator.comparingDouble(Kind::seconds).reversed())
                .toList();
    }

    /**
     * Launches of one kernel on one grid.
     *
     * @param kernel      its name
     * @param grid        blocks and threads
     * @param launches    in the step
     * @param seconds     of all of them
     * @param bytes       that they have to read, as far as known
     * @param operations  on tensor cores, as far as known
     */
    public record Kind(String kernel, String grid, int launches, double seconds, double bytes, double operations) {
        private String line(double whole) {
            String rates = seconds <= 0 || bytes == 0
                    ? ""
                    : String.format(
                            Locale.ROOT,
                            "%,8.0f GB/s %7.1f TFLOP/s",
                            bytes / seconds / 1e9,
                            operations / seconds / 1e12);
            return String.format(
                            Locale.ROOT,
                            "%-28s %-22s %6d %,11.1f us %5.1f %% %,9.2f us each %s",
                            kernel,
                            grid,
                            launches,
                            seconds * 1e6,
                            100 * seconds / whole,
                            seconds * 1e6 / launches,
                            rates)
                    .stripTrailing();
        }
    }

    /** A line for each kind; what runs beside each other counts for none of them. */
    public String table() {
        double known = kinds.stream().mapToDouble(Kind::seconds).sum();
        StringBuilder text = new StringBuilder();
        kinds.forEach(kind -> text.append(kind.line(seconds)).append('\n'));
        return text.append(String.format(
                        Locale.ROOT,
                        "%d launches, %,.1f us; the lines above add up to %,.1f us%n",
                        launches,
                        seconds * 1e6,
                        known * 1e6))
                .toString();
    }
}
