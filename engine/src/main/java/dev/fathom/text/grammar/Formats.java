package dev.fathom.text.grammar;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Formats of strings, as regular expressions for the whole string. */
final class Formats {
    private static final String LEAP_YEAR =
            "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
    private static final String DATE = "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
            + "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|" + LEAP_YEAR + "-02-29)";
    /** Leap seconds are at the end of a day in UTC, which only the offset Z shows to an automaton. */
    private static final String TIME = "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?"
            + "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])|23:59:60(?:\\.[0-9]+)?[Zz])";

    private static final String OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private static final String IPV4 = OCTET + "(?:\\." + OCTET + "){3}";
    private static final String HEX = "[0-9A-Fa-f]{1,4}";
    private static final String HOST_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    /** Ten of these are as long as a host name may be. */
    private static final String SHORT_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,22}[A-Za-z0-9])?";
    /** A label that says it is encoded (punycode) must be so in every detail: none is written. */
    private static final String ENCODED_LABEL = "(?:^|\\.)[^.]{2}--";

    private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    private static final String PERCENT = "%[0-9A-Fa-f]{2}";
    private static final String URI_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|" + PERCENT + ")";
    private static final String USER_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:-]|" + PERCENT + ")";
    private static final String NAME_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=-]|" + PERCENT + ")";

    private static final String AUTHORITY = "//(?:" + USER_CHARACTER + "*@)?(?:\\[(?:" + ipv6() + ")\\]|"
            + NAME_CHARACTER + "*)(?::[0-9]*)?(?:/" + URI_CHARACTER + "*)*";
    private static final String QUERY = "(?:\\?(?:" + URI_CHARACTER + "|[/?])*)?(?:#(?:" + URI_CHARACTER + "|[/?])*)?";
    private static final String ABSOLUTE = "/(?:" + URI_CHARACTER + "+(?:/" + URI_CHARACTER + "*)*)?";
    private static final String URI = "[A-Za-z][A-Za-z0-9+.-]*:(?:" + AUTHORITY + "|" + ABSOLUTE + "|" + URI_CHARACTER
            + "+(?:/" + URI_CHARACTER + "*)*|)" + QUERY;
    private static final String RELATIVE = "(?:" + AUTHORITY + "|" + ABSOLUTE + "|(?:[A-Za-z0-9._~!$&'()*+,;=@-]|"
            + PERCENT + ")+(?:/" + URI_CHARACTER + "*)*|)" + QUERY;
    private static final String POINTER = "(?:/(?:[^~/]|~[01])*)*";
    private static final String DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";

    private static final Map<String, String> PATTERNS = Map.ofEntries(
            Map.entry("date", DATE),
            Map.entry("time", TIME),
            Map.entry("date-time", DATE + "[Tt]" + TIME),
            Map.entry(
                    "duration",
                    "P(?:[0-9]+W|(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)(?:" + DURATION_TIME
                            + ")?|" + DURATION_TIME + ")"),
            Map.entry(
                    "email",
                    "(?:" + ATOM + "(?:\\." + ATOM + ")*|\"(?:[^\"\\\\\\x00-\\x1f\\x7f]|\\\\[ -~])*\")@(?:" + HOST_LABEL
                            + "(?:\\." + HOST_LABEL + ")*|\\[(?:" + IPV4 + "|IPv6:(?:" + ipv6() + "))\\])"),
            Map.entry(
                    "hostname",
                    HOST_LABEL + "(?:\\." + HOST_LABEL + "){0,2}|" + SHORT_LABEL + "(?:\\." + SHORT_LABEL + "){0,9}"),
            Map.entry("ipv4", IPV4),
            Map.entry("ipv6", ipv6()),
            Map.entry("uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"),
            Map.entry("uri", URI),
            Map.entry("uri-reference", "(?:" + URI + "|" + RELATIVE + ")"),
            Map.entry("json-pointer", POINTER),
            Map.entry("relative-json-pointer", "(?:0|[1-9][0-9]*)(?:#|" + POINTER + ")"));

    /** Names by which applications tell what a string is for; any string is one. */
    private static final Set<String> UNBOUNDED = Set.of("password", "path", "file-path", "directory-path");

    private Formats() {}

    /** Null for a format that any string has. @throws GrammarException for a format that is not supported */
    static @Nullable TextDfa of(String format, Budget budget) {
        if (UNBOUNDED.contains(format)) {
            return null;
        }
        String pattern = PATTERNS.get(format);
        if (pattern == null) {
            throw new GrammarException("The format \"" + format + "\" is not supported. Leave it out of the schema.");
        }
        TextDfa dfa = PatternDfa.whole(pattern, budget);
        return format.equals("hostname")
                ? dfa.and(PatternDfa.somewhere(ENCODED_LABEL, budget).not(budget), budget)
                : dfa;
    }

    /** Eight groups, or fewer around one "::", the last two perhaps as an IPv4 address (RFC 4291, section 2.2). */
    private static String ipv6() {
        String last = "(?:" + HEX + ":" + HEX + "|" + IPV4 + ")";
        StringBuilder out = new StringBuilder("(?:" + HEX + ":){6}" + last);
        for (int before = 0; before <= 7; before++) {
            String head = before == 0 ? "" : "(?:" + HEX + "(?::" + HEX + "){0," + (before - 1) + "})?";
            String tail = before == 7 ? "" : before == 6 ? HEX : "(?:" + HEX + ":){" + (5 - before) + "}" + last;
            out.append("|").append(head).append("::").append(tail);
        }
        return "(?:" + out + ")";
    }
}
