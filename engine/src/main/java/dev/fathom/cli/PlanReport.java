package dev.fathom.cli;

import dev.fathom.kernels.KvFormat;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A plan as a table with the command below it, or as JSON. */
final class PlanReport {
    private record Column(String title, Function<Plan.Row, String> cell) {}

    private static final List<Column> COLUMNS = List.of(
            new Column("format", row -> row.format().label()),
            new Column("weights", row -> Units.bytes(row.size().memoryBytes())),
            new Column("needs", row -> Units.bytes(row.neededBytes())),
            new Column("KV tokens", row -> row.fits() ? Units.count(row.kvTokens()) : "does not fit"),
            new Column("FP8 cache", row -> fitting(row, Units.count(row.kvTokens(KvFormat.FP8_E4M3)))),
            new Column("longest", row -> fitting(row, Units.count(row.longestContext()))),
            new Column("batch", row -> fitting(row, Integer.toString(row.batch()))),
            new Column("decode 1", row -> rate(row, 1)),
            new Column("decode batch", row -> rate(row, Math.max(1, row.batch()))),
            new Column("prefill", row -> row.speed() == null ? "" : figure(row.promptRate())));

    private PlanReport() {}

    private static String fitting(Plan.Row row, String text) {
        return row.fits() ? text : "";
    }

    private static String rate(Plan.Row row, int sequences) {
        return row.speed() == null ? "" : figure(row.decodeRate(sequences));
    }

    private static String figure(double rate) {
        return rate < 10 ? Units.format("%.1f", rate) : Units.count(Math.round(rate));
    }

    static String text(List<Plan.Row> rows, Plan.Machine machine, List<String> refused, boolean all) {
        StringBuilder text = new StringBuilder();
        text.append(Units.format(
                "Memory %s, of which %.0f %% for weights and cache; sequences of %s tokens; rates in tokens/s.%n",
                Units.bytes(machine.memoryBytes()), machine.fraction() * 100, Units.count(machine.context())));
        String last = "";
        List<List<String>> cells = new ArrayList<>();
        cells.add(COLUMNS.stream().map(Column::title).toList());
        rows.forEach(row -> cells.add(
                COLUMNS.stream().map(column -> column.cell().apply(row)).toList()));
        for (int i = 0; i < rows.size(); i++) {
            Plan.Row row = rows.get(i);
            if (!row.subject().name().equals(last)) {
                last = row.subject().name();
                text.append(Units.format(
                        "%n%s: %s parameters, %s of them for each token; %s of cache a token; up to %s tokens%n",
                        last,
                        parameters(row.size().parameters()),
                        parameters(row.size().activeParameters()),
                        Units.bytes(row.kvBytesPerToken()),
                        Units.count(row.size().contextLength())));
                text.append(line(cells.getFirst(), cells));
            }
            text.append(line(cells.get(i + 1), cells));
        }
        refused.forEach(
                sentence -> text.append(System.lineSeparator()).append(sentence).append(System.lineSeparator()));
        text.append(all ? "" : advice(rows));
        return text.toString();
    }

    private static String parameters(long count) {
        return count < 1_000_000_000
                ? Units.format("%.1f million", count / 1e6)
                : Units.format("%.1f billion", count / 1e9);
    }

    private static String line(List<String> row, List<List<String>> all) {
        StringBuilder line = new StringBuilder("  ");
        for (int i = 0; i < row.size(); i++) {
            int column = i;
            int width = all.stream()
                    .mapToInt(cells -> cells.get(column).length())
                    .max()
                    .orElse(0);
            String gap = " ".repeat(width - row.get(i).length());
            line.append(i == 0 ? row.get(i) + gap : "  " + gap + row.get(i));
        }
        return line.toString().stripTrailing() + System.lineSeparator();
    }

    private static String advice(List<Plan.Row> rows) {
        StringBuilder text = new StringBuilder(System.lineSeparator());
        Optional<Plan.Row> fitting = rows.stream().filter(Plan.Row::fits).findFirst();
        Plan.Row smallest = rows.stream()
                .min(Comparator.comparingLong(Plan.Row::neededBytes))
                .orElseThrow();
        if (fitting.isPresent()) {
            text.append("Start it: ").append(fitting.get().command());
        } else {
            text.append("It fits in no format: as " + smallest.format().label() + " it needs "
                    + Units.bytes(smallest.neededBytes()) + " of memory.");
        }
        text.append(System.lineSeparator());
        if (rows.getFirst().machine().devices() > 1 || fitting.isEmpty()) {
            text.append(PlanLaunch.text(rows.getFirst()));
        }
        return text.toString();
    }

    static String json(List<Plan.Row> rows, Plan.Machine machine, List<String> refused) {
        JsonMapper mapper = JsonMapper.shared();
        ObjectNode root = mapper.createObjectNode()
                .put("memory_bytes", machine.memoryBytes())
                .put("mem_fraction_static", machine.fraction())
                .put("context", machine.context());
        var plans = root.putArray("plans");
        for (Plan.Row row : rows) {
            ObjectNode plan = plans.addObject()
                    .put("model", row.subject().name())
                    .put("format", row.format().label())
                    .put("parameters", row.size().parameters())
                    .put("active_parameters", row.size().activeParameters())
                    .put("weight_bytes", row.size().weightBytes())
                    .put("copied_bytes", row.size().copiedBytes())
                    .put("needed_bytes", row.neededBytes())
                    .put("kv_bytes_per_token", row.kvBytesPerToken())
                    .put("fits", row.fits())
                    .put("kv_tokens", row.kvTokens())
                    .put("kv_tokens_fp8", row.kvTokens(KvFormat.FP8_E4M3))
                    .put("longest_context", row.longestContext())
                    .put("batch", row.batch());
            var speed = row.speed();
            if (speed != null) {
                plan.put("bytes_per_second", speed.bytesPerSecond())
                        .put("flops_per_second", speed.flopsPerSecond())
                        .put("decode_tokens_per_second", row.decodeRate(1))
                        .put("decode_tokens_per_second_batch", row.decodeRate(Math.max(1, row.batch())))
                        .put("prefill_tokens_per_second", row.promptRate())
                        .put("command", machine.devices() > 1 ? null : row.command());
            }
        }
        var list = root.putArray("refused");
        refused.forEach(list::add);
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(root) + System.lineSeparator();
    }
}
