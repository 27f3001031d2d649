package dev.fathom.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The proxies that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name, which the JDK does not read. Lower case counts first. */
final class EnvironmentProxies extends ProxySelector {
    private final Map<String, Proxy> byScheme;
    private final List<String> direct;

    private EnvironmentProxies(Map<String, Proxy> byScheme, List<String> direct) {
        this.byScheme = byScheme;
        this.direct = direct;
    }

    /** Where none is named, what the JVM's own settings say. */
    static ProxySelector of(Map<String, String> variables) {
        String all = text(variables, "all_proxy", "");
        Map<String, Proxy> proxies = new java.util.HashMap<>();
        for (String scheme : List.of("http", "https")) {
            String proxy = text(variables, scheme + "_proxy", all);
            if (!proxy.isEmpty()) {
                proxies.put(scheme, proxy(scheme + "_proxy", proxy));
            }
        }
        if (proxies.isEmpty()) {
            return Objects.requireNonNullElseGet(ProxySelector.getDefault(), () -> ProxySelector.of(null));
        }
        List<String> direct = List.of(text(variables, "no_proxy", "").split("[,\\s]+"));
        return new EnvironmentProxies(proxies, direct);
    }

    private static String text(Map<String, String> variables, String name, String otherwise) {
        String lower = variables.getOrDefault(name, "");
        return lower.isEmpty() ? variables.getOrDefault(name.toUpperCase(Locale.ROOT), otherwise) : lower;
    }

    private static Proxy proxy(String name, String text) {
        try {
            URI uri = URI.create(text.contains("://") ? text : "http://" + text);
            if (uri.getHost() != null && "http".equals(uri.getScheme()) && uri.getUserInfo() == null) {
                int port = uri.getPort() < 0 ? 80 : uri.getPort();
                return new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(uri.getHost(), port));
            }
        } catch (IllegalArgumentException e) {
            // the sentence below says what was wanted
        }
        throw CliException.usage(
                name + " must be an address such as http://proxy.example.com:3128, without a password.");
    }

    @Override
    public List<Proxy> select(URI uri) {
        Proxy proxy = byScheme.get(uri.getScheme());
        return proxy == null || isDirect(String.valueOf(uri.getHost())) ? List.of(Proxy.NO_PROXY) : List.of(proxy);
    }

    /** A name of NO_PROXY stands for the host and all below it. */
    private boolean isDirect(String host) {
        for (String name : direct) {
            String bare = name.replaceFirst("^\\*?\\.", "").replaceFirst(":\\d+$", "");
            if (name.equals("*") || (!bare.isEmpty() && (host.equals(bare) || host.endsWith("." + bare)))) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {
        // whoever asked hears of it
    }
}
