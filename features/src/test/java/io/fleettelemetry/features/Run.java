package io.fleettelemetry.features;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.fleettelemetry.examples.Subscriber;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code mvn -Prun}: a simulated fleet, whose records go from a stock Karaf with the KAR to a NATS server, and what a
 * subscriber sees of them.
 *
 * <p>System property {@code run.seconds}: how long; 0 is until Ctrl-C. Environment variable {@code NATS_URL}: a server
 * that is there already, instead of one of its own.
 */
public final class Run {

    private static final String NAMESPACE = "tesla_telemetry";
    private static final int VEHICLES = 100;
    private static final int RATE = 200;
    private static final Path HOME = Kar.TARGET.resolve("run");
    private static final Pattern COUNT = Pattern.compile("(offered|confirmed|failed|acks)\\s+(\\d+)");

    private final int seconds;
    private final Sight sight = new Sight();
    private final Map<String, Long> counts = new TreeMap<>();
    private volatile boolean interrupted;

    private Run(int seconds) {
        this.seconds = seconds;
    }

    /** @throws IllegalStateException if a record failed or was lost; the build then fails */
    public static void main(String[] arguments) throws Exception {
        new Run(Integer.getInteger("run.seconds", 0)).run();
    }

    private void run() throws Exception {
        // Ctrl-C ends the JVM, and with it every process that it started.
        var hook = new Thread(this::interrupted, "run-interrupted");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            withServer();
        } finally {
            if (!interrupted) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
    }

    private void interrupted() {
        interrupted = true;
        say("stopping; the subscriber has received " + sight.received() + " records " + sight.byTopic());
    }

    private void withServer() throws Exception {
        String given = System.getenv("NATS_URL");
        if (given != null) {
            say("NATS server: " + withoutSecrets(given) + " (NATS_URL)");
            fly(given);
        } else {
            say("NATS server: starting one (NATS_URL would name one that is there already)");
            try (var server = NatsServer.start()) {
                say("NATS server: " + server.url() + ", subscribe to " + NAMESPACE
                        + ".> to watch with a client of yours");
                fly(server.url());
            }
        }
    }

    private void fly(String url) throws Exception {
        Connection subscriber = subscribe(url);
        try {
            say("Karaf: starting a stock one in " + HOME + " (without NATS, without a network)");
            try (var karaf = KarafProcess.start(HOME)) {
                int metrics = FreePort.next();
                configure(karaf, url, metrics);
                say("KAR: dropping " + Kar.FILE.getFileName() + " into " + HOME.resolve("deploy"));
                karaf.deploy(Kar.FILE);
                karaf.awaitLog("FeaturesServiceImpl .* Done\\.");
                karaf.awaitLog("\\bnats_connected\\b");
                say("connected; metrics at http://127.0.0.1:" + metrics + "/metrics, log in "
                        + HOME.resolve("data/log/karaf.log"));
                say(VEHICLES + " vehicles, " + RATE + " records per second, "
                        + (seconds == 0 ? "until Ctrl-C" : "for " + seconds + " seconds"));
                int exit = drive(karaf);
                if (!interrupted) {
                    judge(exit);
                }
            }
        } catch (IOException | RuntimeException e) {
            if (!interrupted) {
                throw e;
            }
        } finally {
            subscriber.close();
        }
    }

    private Connection subscribe(String url) throws IOException, InterruptedException {
        Connection connection;
        try {
            connection = Nats.connect(new Options.Builder()
                    // What goes wrong shows in the counts; on Ctrl-C the server goes first, and that is no error.
                    .errorListener(new ErrorListener() {})
                    .server(url)
                    .connectionName("fleet-telemetry-run")
                    .build());
        } catch (IOException e) {
            throw new IOException("cannot connect to the NATS server at " + withoutSecrets(url), e);
        }
        connection.createDispatcher(sight::see).subscribe(NAMESPACE + ".>");
        try {
            connection.flush(Duration.ofSeconds(10));
        } catch (TimeoutException e) {
            throw new IOException("the NATS server at " + withoutSecrets(url) + " does not answer", e);
        }
        return connection;
    }

    /** The default files, with this run's server, with reliable acks and with the metrics endpoint. */
    private static void configure(KarafProcess karaf, String url, int metrics) {
        String nats = Kar.configuration("io.fleettelemetry.datastore.nats-default.cfg");
        karaf.writeConfig(
                "io.fleettelemetry.datastore.nats-default.cfg",
                nats.replaceFirst("(?m)^url = .*$", Matcher.quoteReplacement("url = " + url)));
        String host = Kar.configuration("io.fleettelemetry.host.cfg");
        karaf.writeConfig(
                "io.fleettelemetry.host.cfg",
                host + "\n# Of the run:\nreliable_ack_sources.V = nats\nreliable_ack_sources.alerts = nats\n"
                        + "reliable_ack_sources.errors = nats\nprometheus_metrics_port = " + metrics + "\n");
    }

    /** Shows what the command says, keeps its latest counts, and returns its exit status. */
    private int drive(KarafProcess karaf) throws IOException, InterruptedException {
        Process client =
                karaf.client("telemetry:simulate --vehicles " + VEHICLES + " --rate " + RATE + " --seconds " + seconds);
        try (var lines = client.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                System.out.println(line);
                var count = COUNT.matcher(line);
                while (count.find()) {
                    counts.put(count.group(1), Long.valueOf(count.group(2)));
                }
            }
        }
        return client.waitFor();
    }

    private void judge(int exit) throws InterruptedException {
        long confirmed = counts.getOrDefault("confirmed", 0L);
        sight.await(confirmed, Duration.ofSeconds(10));
        long received = sight.received();
        long lost = Math.max(0, confirmed - received);
        long failed = counts.getOrDefault("failed", 0L);
        say("offered " + counts.get("offered") + ", confirmed " + confirmed + ", failed " + failed + ", reliable acks "
                + counts.get("acks") + ", received by the subscriber " + received + " " + sight.byTopic() + ", lost "
                + lost);
        if (exit != 0 || failed > 0 || lost > 0 || confirmed == 0) {
            throw new IllegalStateException("the run failed: " + failed + " records failed, " + lost
                    + " were lost (simulate exited with " + exit + ")");
        }
    }

    private static String withoutSecrets(String url) {
        return url.replaceAll("//[^/@,]*@", "//");
    }

    private static void say(String what) {
        System.out.println("==> " + what);
    }

    /** What the subscriber sees: it counts everything and shows a little of each kind. */
    private static final class Sight {

        private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(2);
        private static final int LINE = 400;
        private static final JsonFormat.Printer JSON = JsonFormat.printer().omittingInsignificantWhitespace();

        private final Map<String, Long> received = new TreeMap<>();
        private final Map<String, Long> shown = new TreeMap<>();

        synchronized void see(Message message) {
            String topic = topic(message.getSubject());
            received.merge(topic, 1L, Long::sum);
            notifyAll();
            long now = System.nanoTime();
            Long last = shown.get(topic);
            if (last == null || now - last > PAUSE_NANOS) {
                shown.put(topic, now);
                System.out.println(message.getSubject() + " " + shorten(json(message)));
            }
        }

        private static String topic(String subject) {
            return subject.substring(subject.lastIndexOf('.') + 1);
        }

        private static String json(Message message) {
            try {
                return JSON.print(Subscriber.decode(message.getSubject(), message.getData()));
            } catch (InvalidProtocolBufferException e) {
                return message.getData().length + " bytes: " + e.getMessage();
            }
        }

        private static String shorten(String json) {
            return json.length() <= LINE ? json : json.substring(0, LINE) + "... (" + json.length() + " characters)";
        }

        synchronized long received() {
            return received.values().stream().mapToLong(Long::longValue).sum();
        }

        synchronized String byTopic() {
            return received.toString();
        }

        /** Waits until this many messages have come, or the time is over. */
        synchronized void await(long messages, Duration limit) throws InterruptedException {
            long deadline = System.nanoTime() + limit.toNanos();
            for (long left = limit.toMillis();
                    received() < messages && left > 0;
                    left = (deadline - System.nanoTime()) / 1_000_000) {
                wait(left);
            }
        }
    }
}
