package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/** A process that ends with this JVM, unless the JVM is ended by SIGKILL. */
final class Child {

    private static final Set<Child> ALIVE = ConcurrentHashMap.newKeySet();
    private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> ALIVE.forEach(Child::kill), "testkit-kill-children"));
    }

    private final Process process;

    private Child(Process process) {
        this.process = process;
    }

    static Child start(ProcessBuilder command) {
        try {
            var child = new Child(command.start());
            ALIVE.add(child);
            child.process.onExit().thenRun(() -> ALIVE.remove(child));
            return child;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + String.join(" ", command.command()), e);
        }
    }

    Process process() {
        return process;
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /**
     * Sends a signal by its name, such as STOP. It uses the shell, because not every system has a program {@code kill}.
     */
    void signal(String name) {
        try {
            int exit = new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid())
                    .inheritIO()
                    .start()
                    .waitFor();
            if (exit != 0) {
                throw new IllegalStateException("kill -" + name + " " + pid() + " exited with " + exit);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while sending " + name, e);
        }
    }

    /** Sends SIGTERM, and SIGKILL after the limit. Returns when the process and its descendants are gone. */
    void stop(Duration limit) {
        var family = family();
        family.forEach(ProcessHandle::destroy);
        awaitEnd(family, limit);
        kill();
    }

    /** Sends SIGKILL. Returns when the process and its descendants are gone. */
    void kill() {
        var family = family();
        family.forEach(ProcessHandle::destroyForcibly);
        awaitEnd(family, KILL_LIMIT);
    }

    private List<ProcessHandle> family() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .toList();
    }

    private static void awaitEnd(List<ProcessHandle> family, Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        for (ProcessHandle handle : family) {
            try {
                handle.onExit().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException stillThere) {
                return;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
