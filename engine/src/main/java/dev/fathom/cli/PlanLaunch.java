package dev.fathom.cli;

import dev.fathom.load.PlanFormat;

/**
 * How a model that one machine or GPU cannot hold is spread over several, by SGLang's flags. Each device holds its share of the
 * weights and, as attention's latents belong to all heads, the whole cache.
 */
final class PlanLaunch {
    /** Of a node, as servers have them, where none was said. */
    private static final int USUAL_GPUS = 8;
    /** More are not asked for: attention heads are dealt out whole. */
    private static final int MOST_DEVICES = 128;

    private PlanLaunch() {}

    /** @param row one format on one device */
    static String text(Plan.Row row) {
        Plan.Machine machine = row.machine();
        boolean gpu = machine.gpus() > 0;
        int devices = devices(row);
        if (devices == 0) {
            return Units.format("No %d of them hold it %s.%n", MOST_DEVICES, as(row));
        }
        int each = gpu ? Math.min(devices, gpusOfNode(machine)) : 1;
        int nodes = Math.ceilDiv(devices, each);
        StringBuilder text = new StringBuilder(Units.format(
                "%s, %s hold %s of weights each, and fit.%nThis version serves on one CPU machine or one GPU and refuses"
                        + " these flags of SGLang's:%n",
                capital(as(row)),
                count(gpu, nodes, each),
                Units.bytes(row.size().memoryBytes() / devices)));
        for (int node = 0; node < nodes; node++) {
            text.append("  fathom serve --model-path ").append(row.subject().name());
            text.append(" --tp-size ").append(devices);
            if (nodes > 1) {
                text.append(" --nnodes ").append(nodes).append(" --node-rank ").append(node);
                text.append(" --dist-init-addr FIRST_NODE:5000");
            }
            text.append(System.lineSeparator());
        }
        return text.toString();
    }

    private static int gpusOfNode(Plan.Machine machine) {
        return machine.gpus() == 1 && machine.nodes() == 1 ? USUAL_GPUS : machine.gpus();
    }

    private static String as(Plan.Row row) {
        return row.format() == PlanFormat.PUBLISHED
                ? row.format().label()
                : "in " + row.format().label();
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    private static String count(boolean gpu, int nodes, int each) {
        if (!gpu) {
            return nodes + " machines";
        }
        return nodes == 1 ? each + " GPUs" : nodes + " nodes of " + each + " GPUs";
    }

    /** As many as were given, or the next power of two that holds weights and one sequence; 0 where none does. */
    private static int devices(Plan.Row row) {
        Plan.Machine machine = row.machine();
        long cache = row.kvBytesPerToken() * machine.context();
        for (int devices = Math.max(2, machine.devices()); devices <= MOST_DEVICES; devices *= 2) {
            if (row.size().memoryBytes() / devices + cache <= machine.usable()) {
                return devices;
            }
        }
        return 0;
    }
}
