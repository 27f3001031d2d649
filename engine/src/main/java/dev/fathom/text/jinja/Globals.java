package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The functions every template can call: Jinja's own and the two that transformers adds. */
final class Globals {
    private Globals() {}

    private record Function(String name, Callable body) implements Callable {
        @Override
        public Object call(Arguments arguments) {
            return body.call(arguments);
        }

        @Override
        public String described() {
            return "<function " + name + ">";
        }
    }

    static Map<String, Object> functions() {
        Map<String, Object> functions = new HashMap<>();
        add(functions, "range", Globals::range);
        add(functions, "namespace", Globals::namespace);
        add(functions, "dict", Globals::dict);
        add(
                functions,
                "joiner",
                arguments ->
                        new Counters.Joiner(arguments.bind("joiner", 0, "sep").value(0, ", ")));
        add(functions, "cycler", Globals::cycler);
        add(functions, "raise_exception", arguments -> {
            Object message = arguments.bind("raise_exception", 1, "message").required(0);
            throw arguments.execution().raised(Printer.text(arguments.execution(), message));
        });
        add(functions, "strftime_now", arguments -> {
            String format = arguments.bind("strftime_now", 1, "format").text(0, "");
            return Strftime.format(
                    arguments.execution(),
                    ZonedDateTime.now(arguments.execution().clock()),
                    format);
        });
        return functions;
    }

    private static void add(Map<String, Object> functions, String name, Callable body) {
        functions.put(name, new Function(name, body));
    }

    private static Object range(Arguments arguments) {
        Execution execution = arguments.execution();
        if (!arguments.named().isEmpty()) {
            throw execution.error("range() takes no keyword arguments");
        }
        List<BigInteger> bounds = new ArrayList<>();
        for (Object each : arguments.positional()) {
            Operators.refuseUndefined(execution, each);
            if (!Types.isInteger(each)) {
                throw execution.error("'" + Types.name(each) + "' object cannot be interpreted as an integer");
            }
            bounds.add(Numbers.big(each));
        }
        if (bounds.isEmpty() || bounds.size() > 3) {
            throw execution.error("range expected 1 to 3 arguments, got " + bounds.size());
        }
        BigInteger start = bounds.size() == 1 ? BigInteger.ZERO : bounds.getFirst();
        BigInteger stop = bounds.size() == 1 ? bounds.getFirst() : bounds.get(1);
        BigInteger step = bounds.size() < 3 ? BigInteger.ONE : bounds.get(2);
        if (step.signum() == 0) {
            throw execution.error("range() arg 3 must not be zero");
        }
        BigInteger span = step.signum() > 0 ? stop.subtract(start) : start.subtract(stop);
        BigInteger stride = step.abs();
        BigInteger size =
                span.add(stride).subtract(BigInteger.ONE).divide(stride).max(BigInteger.ZERO);
        boolean far = start.bitLength() > 50 || stop.bitLength() > 50 || step.bitLength() > 50;
        if (size.compareTo(BigInteger.valueOf(PyRange.MAX_SIZE)) > 0 || far) {
            throw execution.error(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + PyRange.MAX_SIZE + ").");
        }
        return new PyRange(start.longValueExact(), stop.longValueExact(), step.longValueExact());
    }

    private static Object namespace(Arguments arguments) {
        Namespace namespace = new Namespace();
        PyDict values = (PyDict) dict(arguments);
        List<Object> keys = values.keys();
        for (int i = 0; i < keys.size(); i++) {
            if (keys.get(i) instanceof String name) {
                namespace.attributes.put(name, values.values().get(i));
            }
        }
        return namespace;
    }

    /** As Python's: from a dict or from pairs, then by name. */
    private static Object dict(Arguments arguments) {
        Execution execution = arguments.execution();
        PyDict dict = new PyDict();
        if (arguments.positional().size() > 1) {
            throw execution.error("dict expected at most 1 argument, got "
                    + arguments.positional().size());
        }
        for (Object given : arguments.positional()) {
            List<Object> pairs = given instanceof PyDict other ? other.items() : Values.list(execution, given);
            for (Object pair : pairs) {
                List<Object> both = Values.list(execution, pair);
                if (both.size() != 2) {
                    throw execution.error(
                            "dictionary update sequence element has length " + both.size() + "; 2 is required");
                }
                execution.charge(1);
                dict.put(execution, both.get(0), both.get(1));
            }
        }
        arguments.named().forEach(dict::put);
        return dict;
    }

    private static Object cycler(Arguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw arguments.execution().error("at least one item has to be provided");
        }
        return new Counters.Cycler(List.copyOf(arguments.positional()));
    }
}
