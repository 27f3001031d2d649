package dev.fathom.checkpoint.hub;

import java.net.URI;
import java.nio.file.Path;

/**
 * What is going to be fetched, said before the first byte.
 *
 * @param revision      as asked for
 * @param files         needed, those that are there included
 * @param totalBytes    of all of them
 * @param missingBytes  what is not on the disk yet
 * @param folder        where they go
 */
public record DownloadPlan(
        HubId id, String revision, URI endpoint, int files, long totalBytes, long missingBytes, Path folder) {}
