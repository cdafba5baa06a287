package io.fleettelemetry.datastore.nats;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import io.fleettelemetry.testkit.NatsServerVersions;
import io.fleettelemetry.testkit.NatsServerVersions.Version;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * {@code mvn verify -Pservers}: runs the tests that have the tag {@value #TAG} against several nats-servers, and prints a
 * table of the outcomes. Each test class runs in a JVM of its own for each server, a few at a time. Exits with 1 if a test
 * failed.
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
    /** Most tests wait for a server most of the time. */
    private static final int AT_ONCE = 3;

    /** The outcomes of the tests of one class. */
    private record Result(int passed, int failed, int skipped, long millis) {

        Result and(Result other) {
            return new Result(
                    passed + other.passed, failed + other.failed, skipped + other.skipped, millis + other.millis);
        }

        boolean isEmpty() {
            return passed + failed + skipped == 0;
        }

        @Override
        public String toString() {
            return passed + (failed > 0 ? ", FAILED " + failed : "") + (skipped > 0 ? ", skipped " + skipped : "");
        }
    }

    /** The outcome of one class with one server: the result, the lines about faults, and the names of the failed tests. */
    private record Run(Version server, String testClass, Result result, List<String> faults, List<String> failures) {}

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
        List<String> testClasses = testClasses(newest ? NEWEST_TAG : TAG);
        ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Future<Run>> running = new ArrayList<>();
            for (Version server : servers) {
                for (String testClass : testClasses) {
                    running.add(threads.submit((Callable<Run>) () -> run(server, testClass)));
                }
            }
            List<Run> runs = new ArrayList<>();
            for (Future<Run> run : running) {
                runs.add(run.get());
            }
            servers.forEach(server -> printFaults(server, runs));
            printTable(servers, runs);
            boolean good = runs.stream().allMatch(run -> run.failures.isEmpty() && !run.result.isEmpty());
            System.exit(good ? 0 : 1);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void say(String line) {
        System.out.println("servers: " + line);
    }

    // ---- the parent ------------------------------------------------------------------------------------------------

    /** The classes that have tests with this tag, the slow ones (about faults) first. */
    private static List<String> testClasses(String tag) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectPackage(EveryServer.class.getPackageName()))
                .filters(TagFilter.includeTags(tag))
                .build();
        TestPlan plan = LauncherFactory.create().discover(request);
        return plan.getRoots().stream()
                .flatMap(root -> plan.getDescendants(root).stream())
                .map(TestIdentifier::getSource)
                .flatMap(Optional::stream)
                .filter(ClassSource.class::isInstance)
                .map(source -> ((ClassSource) source).getClassName())
                .distinct()
                .sorted(Comparator.comparing((String name) -> !name.contains("Fault"))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    private static Run run(Version server, String testClass) throws IOException, InterruptedException {
        String name = testClass.substring(testClass.lastIndexOf('.') + 1);
        Path output =
                Path.of("target", "servers", server.version(), name + ".log").toAbsolutePath();
        Files.createDirectories(output.getParent());
        ProcessBuilder command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dfleettelemetry.root=" + System.getProperty("fleettelemetry.root", ""),
                        "-Dfile.encoding=UTF-8",
                        "-cp",
                        System.getProperty("java.class.path"),
                        EveryServer.class.getName(),
                        CHILD,
                        testClass)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        command.environment().put("NATS_SERVER", server.program().toString());
        Process process = command.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        Run run = read(server, name, output, process.waitFor());
        say(server.version() + "  " + name + "  " + run.result + "  " + run.result.millis / 1000 + " s");
        run.failures.forEach(failure -> say(server.version() + "  FAILED  " + failure + "; see " + output));
        return run;
    }

    private static Run read(Version server, String name, Path output, int exit) throws IOException {
        Result all = new Result(0, 0, 0, 0);
        List<String> faults = new ArrayList<>();
        List<String> failures = new ArrayList<>();
        for (String line : Files.readAllLines(output, StandardCharsets.UTF_8)) {
            if (line.startsWith(RESULT)) {
                String[] words = line.substring(RESULT.length()).split(" ", 3);
                Result result = new Result(
                        words[0].equals("PASSED") ? 1 : 0,
                        words[0].equals("FAILED") ? 1 : 0,
                        words[0].equals("SKIPPED") ? 1 : 0,
                        Long.parseLong(words[1]));
                all = all.and(result);
                if (result.failed > 0) {
                    failures.add(name + "." + words[2]);
                }
            } else if (line.startsWith(FAULT_LINE)) {
                faults.add(line);
            }
        }
        if (exit != 0 && failures.isEmpty()) {
            failures.add(name + ": its JVM ended with " + exit);
        }
        return new Run(server, name, all, faults, failures);
    }

    private static void printFaults(Version server, List<Run> runs) {
        System.out.println("\nnats-server " + server.version() + ", faults:");
        runs.stream()
                .filter(run -> run.server.equals(server))
                .flatMap(run -> run.faults.stream())
                .forEach(System.out::println);
    }

    private static void printTable(List<Version> servers, List<Run> runs) {
        int width = runs.stream().mapToInt(run -> run.testClass.length()).max().orElse(0);
        StringBuilder header = new StringBuilder(String.format("%n| %-" + width + "s |", "tests that passed"));
        servers.forEach(server -> header.append(String.format(" %-22s |", server.version())));
        System.out.println(header);
        Map<String, StringBuilder> rows = new TreeMap<>();
        runs.forEach(run -> rows.computeIfAbsent(
                        run.testClass, name -> new StringBuilder(String.format("| %-" + width + "s |", name)))
                .append(String.format(" %-22s |", run.result)));
        rows.values().forEach(System.out::println);
    }

    // ---- the child -------------------------------------------------------------------------------------------------

    private static boolean runTests(String testClass) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(testClass))
                .build();
        Listener listener = new Listener(System.out);
        LauncherFactory.create().execute(request, listener);
        return listener.good;
    }

    /** Prints a line for each test: its outcome, milliseconds, and the method's name. */
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
            out.println("\n" + RESULT + outcome + " " + millis + " " + test.getLegacyReportingName());
        }
    }
}
