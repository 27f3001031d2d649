package dev.fathom.checkpoint.hub;

import java.net.URI;
import java.nio.file.Path;

/** A process that downloads, in order to be killed: {@code DownloadProcess ENDPOINT CACHE}. It prints where the model is. */
final class DownloadProcess {
    private DownloadProcess() {}

    public static void main(String[] arguments) throws InterruptedException {
        HubSettings settings = HubFixture.settings(URI.create(arguments[0]), Path.of(arguments[1]));
        System.out.println(HubFixture.download(settings).fetch(HubFixture.REQUEST, DownloadProgress.none()));
    }
}
