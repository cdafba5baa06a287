package io.fleettelemetry.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The CPU time that a process had used at one moment, in user and kernel mode. Linux counts it in ticks of 10 ms for a
 * process, which is too coarse for a round, and in nanoseconds for a thread.
 *
 * @param nanos by thread, or of the whole process under the key 0 where Linux does not tell
 */
record CpuTime(long pid, Map<Long, Long> nanos) {

    static CpuTime of(long pid) {
        Map<Long, Long> nanos = new HashMap<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc", Long.toString(pid), "task"))) {
            for (Path thread : threads) {
                read(thread, nanos);
            }
        } catch (IOException noSuchDirectory) {
            nanos.clear();
        }
        if (nanos.isEmpty()) {
            ProcessHandle.of(pid)
                    .flatMap(process -> process.info().totalCpuDuration())
                    .ifPresent(time -> nanos.put(0L, time.toNanos()));
        }
        return new CpuTime(pid, nanos);
    }

    private static void read(Path thread, Map<Long, Long> nanos) {
        try {
            String line = Files.readString(thread.resolve("schedstat"));
            nanos.put(
                    Long.valueOf(thread.getFileName().toString()), Long.valueOf(line.substring(0, line.indexOf(' '))));
        } catch (IOException ended) {
            // It was idle, and what it did before is not asked for.
        }
    }

    /** What the process has used since then. */
    long nanosSince() {
        long sum = 0;
        for (Map.Entry<Long, Long> thread : of(pid).nanos.entrySet()) {
            sum += thread.getValue() - nanos.getOrDefault(thread.getKey(), 0L);
        }
        return sum;
    }
}
