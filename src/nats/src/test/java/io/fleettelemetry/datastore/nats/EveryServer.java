package io.fleettelemetry.datastore.nats;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import io.fleettelemetry.testkit.NatsServerVersions;
import io.fleettelemetry.testkit.NatsServerVersions.Version;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * {@code mvn verify -Pservers}: runs the tests that have the tag {@value #TAG} against one nats-server after the other, two
 * at a time, each in a JVM of its own, and prints what came of them. Exits with 1 if a test failed.
 */
public final class EveryServer {

    /** The {@link Tag} of the tests whose outcome depends on the server. */
    private static final String TAG = "every-server";

    /** That of the tests which CI also runs against the newest server: JetStream, denials, TLS, and faults. */
    private static final String NEWEST_TAG = "newest-server";

    private static final String NEWEST = "newest";
    private static final String CHILD = "child";

    private static final String RESULT = "result ";
    private static final String FAULT_LINE = "| ";
    private static final int AT_ONCE = 2;

    /** What came of one class. */
    private record Result(int passed, int failed, int skipped, long millis) {

        Result and(Result other) {
            return new Result(
                    passed + other.passed, failed + other.failed, skipped + other.skipped, millis + other.millis);
        }

        @Override
        public String toString() {
            return passed + (failed > 0 ? ", FAILED " + failed : "") + (skipped > 0 ? ", skipped " + skipped : "");
        }
    }

    /** What came of one server. */
    private record Run(Version server, Map<String, Result> results, List<String> faults, List<String> failures) {}

    private EveryServer() {}

    /** @param arguments {@code all}, or {@value #NEWEST} for the newest server alone */
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals(CHILD)) {
            System.exit(runTests(arguments[1]) ? 0 : 1);
        }
        List<Version> servers = NatsServerVersions.find(EveryServer::say);
        boolean newest = arguments[0].equals(NEWEST);
        if (newest) {
            servers = servers.subList(servers.size() - 1, servers.size());
        }
        servers.forEach(server -> say(server.version() + ": " + server.program() + " (" + server.from() + ")"));
        ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Future<Run>> running = new ArrayList<>();
            for (Version server : servers) {
                running.add(threads.submit((Callable<Run>) () -> run(server, newest ? NEWEST_TAG : TAG)));
            }
            List<Run> runs = new ArrayList<>();
            for (Future<Run> run : running) {
                runs.add(run.get());
            }
            print(runs);
            boolean good = runs.stream().allMatch(run -> run.failures.isEmpty() && !run.results.isEmpty());
            System.exit(good ? 0 : 1);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void say(String line) {
        System.out.println("servers: " + line);
    }

    // ---- the parent ------------------------------------------------------------------------------------------------

    private static Run run(Version server, String tag) throws IOException, InterruptedException {
        Path output = Path.of("target", "servers", server.version() + ".log").toAbsolutePath();
        Files.createDirectories(output.getParent());
        ProcessBuilder command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dfleettelemetry.root=" + System.getProperty("fleettelemetry.root", ""),
                        "-Dfile.encoding=UTF-8",
                        "-cp",
                        System.getProperty("java.class.path"),
                        EveryServer.class.getName(),
                        CHILD,
                        tag)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        command.environment().put("NATS_SERVER", server.program().toString());
        Process process = command.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        int exit = process.waitFor();
        Run run = read(server, output, exit);
        run.results.forEach((name, result) ->
                say(server.version() + "  " + name + "  " + result + "  " + result.millis / 1000 + " s"));
        run.failures.forEach(failure -> say(server.version() + "  FAILED  " + failure));
        say(server.version() + ": the whole output is in " + output);
        return run;
    }

    private static Run read(Version server, Path output, int exit) throws IOException {
        Run run = new Run(server, new TreeMap<>(), new ArrayList<>(), new ArrayList<>());
        for (String line : Files.readAllLines(output, StandardCharsets.UTF_8)) {
            if (line.startsWith(RESULT)) {
                String[] words = line.substring(RESULT.length()).split(" ", 4);
                Result result = new Result(
                        words[1].equals("PASSED") ? 1 : 0,
                        words[1].equals("FAILED") ? 1 : 0,
                        words[1].equals("SKIPPED") ? 1 : 0,
                        Long.parseLong(words[2]));
                run.results.merge(words[0], result, Result::and);
                if (result.failed > 0) {
                    run.failures.add(words[0] + "." + words[3]);
                }
            } else if (line.startsWith(FAULT_LINE)) {
                run.faults.add(line);
            }
        }
        if (exit != 0 && run.failures.isEmpty()) {
            run.failures.add("the JVM of the tests ended with " + exit);
        }
        return run;
    }

    private static void print(List<Run> runs) {
        System.out.println();
        for (Run run : runs) {
            System.out.println("nats-server " + run.server.version() + ", faults:");
            run.faults.forEach(System.out::println);
            System.out.println();
        }
        TreeMap<String, Integer> classes = new TreeMap<>();
        runs.forEach(run -> run.results.keySet().forEach(name -> classes.merge(name, name.length(), Math::max)));
        int width = classes.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        StringBuilder header = new StringBuilder(String.format("| %-" + width + "s |", "tests that passed"));
        runs.forEach(run -> header.append(String.format(" %-22s |", run.server.version())));
        System.out.println(header);
        for (String name : classes.keySet()) {
            StringBuilder row = new StringBuilder(String.format("| %-" + width + "s |", name));
            runs.forEach(run ->
                    row.append(String.format(" %-22s |", run.results.getOrDefault(name, new Result(0, 0, 0, 0)))));
            System.out.println(row);
        }
    }

    // ---- the child -------------------------------------------------------------------------------------------------

    private static boolean runTests(String tag) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectPackage(EveryServer.class.getPackageName()))
                .filters(TagFilter.includeTags(tag))
                .build();
        Listener listener = new Listener(System.out);
        LauncherFactory.create().execute(request, listener);
        return listener.good;
    }

    /** Prints a line for each test: the class's name, what came of it, milliseconds, and the method's name. */
    private static final class Listener implements TestExecutionListener {
        private final PrintStream out;
        private final Map<String, Long> begun = new TreeMap<>();
        private boolean good = true;

        Listener(PrintStream out) {
            this.out = out;
        }

        @Override
        public void executionStarted(TestIdentifier test) {
            begun.put(test.getUniqueId(), System.nanoTime());
        }

        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            print(test, "SKIPPED", 0);
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            long millis = (System.nanoTime() - begun.remove(test.getUniqueId())) / 1_000_000;
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (test.isTest()) {
                        print(test, "PASSED", millis);
                    }
                }
                case ABORTED -> print(test, "SKIPPED", millis);
                case FAILED -> {
                    good = false;
                    print(test, "FAILED", millis);
                    result.getThrowable().ifPresent(failure -> failure.printStackTrace(out));
                }
            }
        }

        private void print(TestIdentifier test, String outcome, long millis) {
            out.println("\n" + RESULT + className(test) + " " + outcome + " " + millis + " " + test.getDisplayName());
        }

        private static String className(TestIdentifier test) {
            return test.getSource()
                    .map(source -> source instanceof MethodSource method
                            ? method.getJavaClass().getSimpleName()
                            : source instanceof ClassSource type
                                    ? type.getJavaClass().getSimpleName()
                                    : "?")
                    .orElse("?");
        }
    }
}
