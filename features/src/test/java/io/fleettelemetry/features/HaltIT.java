package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.AirbrakeServer;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** How Karaf ends with {@code on.closed = halt}, by the exit code of its own start script, {@code bin/karaf}. */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HaltIT {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String NATS_CFG = "io.fleettelemetry.datastore.nats-default.cfg";
    private static final String LETS_IN = "authorization { users: [ { user: fleet, password: hush } ] }";
    private static final String REFUSES = "authorization { users: [ { user: fleet, password: changed } ] }";

    private static NatsServer nats;
    private static AirbrakeServer airbrake;
    private static KarafProcess karaf;

    @BeforeAll
    static void start() {
        nats = NatsServer.start(LETS_IN);
        airbrake = AirbrakeServer.start();
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-halt"));
        writeNats("halt");
        karaf.writeConfig(
                "io.fleettelemetry.airbrake.cfg", "host = " + airbrake.url() + "\nproject_id = 1\n.project_key = k\n");
        karaf.deploy(Kar.FILE);
        awaitConnected(0);
        karaf.awaitLog("airbrake_configured host=");
    }

    @AfterAll
    static void stop() {
        karaf.close();
        airbrake.close();
        nats.close();
    }

    private static void writeNats(String onClosed) {
        writeNats(nats.url(), onClosed);
    }

    private static void writeNats(String url, String onClosed) {
        karaf.writeConfig(
                NATS_CFG,
                "url = " + url + "\nusername = fleet\n.password = hush\nreconnect.wait.ms = 100\n"
                        + "drain.timeout.ms = 1000\non.closed = " + onClosed + "\n");
    }

    private static void awaitConnected(int logged) {
        await().atMost(SOON.multipliedBy(2)).until(() -> log().indexOf("nats_connected datastore=nats", logged) >= 0);
    }

    /** Starts it anew, and waits until it is connected. */
    private static int startAgain(String way) {
        nats.reload(LETS_IN);
        int logged = log().length();
        karaf.startAgain(way);
        awaitConnected(logged);
        return logged;
    }

    /** Only what Karaf has logged, in the order of all its lives. */
    private static String log() {
        try {
            return Files.readString(karaf.home().resolve("data/log/karaf.log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String pidFile() throws Exception {
        return Files.readString(karaf.home().resolve("instances/instance.properties"));
    }

    /** It refuses us while the server that the settings name is away. */
    @Test
    @Order(1)
    void an_advertised_server_that_refuses_us_does_not_halt_karaf() {
        int ours = FreePort.next();
        int theirs = FreePort.next();
        String routes = "routes: [\"nats://127.0.0.1:" + ours + "\", \"nats://127.0.0.1:" + theirs + "\"] }";
        try (NatsServer a =
                        NatsServer.start(LETS_IN, "cluster { name: f, listen: \"127.0.0.1:" + ours + "\", " + routes);
                NatsServer stranger = NatsServer.start(
                        REFUSES, "cluster { name: f, listen: \"127.0.0.1:" + theirs + "\", " + routes)) {
            int logged = log().length();
            writeNats(a.url(), "halt");
            await().atMost(SOON)
                    .until(() -> log().substring(logged)
                            .matches("(?s).*nats_registered[^\\n]* url=" + a.url() + " .*nats_(connected|switched).*"));
            assertConfirmed();
            a.kill();
            await("refusals").atMost(SOON).until(() -> refusals(stranger) >= 5);
            assertTrue(karaf.isAlive());
            a.restart();
            assertConfirmed();
            assertFalse(log().substring(logged).contains("on.closed="), log());
            int back = log().length();
            writeNats("halt");
            await().atMost(SOON).until(() -> log().substring(back).contains("nats_switched"));
            assertConfirmed();
        }
    }

    private static long refusals(NatsServer stranger) {
        return stranger.log()
                .lines()
                .filter(line -> line.contains("authentication error"))
                .count();
    }

    private static void assertConfirmed() {
        assertEquals(
                0,
                karaf.execute("telemetry:send --type V --vin HALT --hex 0a00").exit());
    }

    @Test
    @Order(2)
    void a_stop_that_was_asked_for_ends_it_with_0() {
        int logged = log().length();
        karaf.execute("system:shutdown -f");
        assertEquals(0, karaf.awaitExit(SOON));
        assertTrue(log().substring(logged).contains("nats_closed datastore=nats reason=\"closed on purpose\""));
        assertFalse(log().substring(logged).contains("on.closed="), log());
        assertEquals(0, airbrake.pending());
    }

    @Test
    @Order(3)
    void an_unexpected_close_is_reported_and_stops_it_in_order_with_69_and_it_is_not_started_again() throws Exception {
        writeNats("withdraw");
        int logged = startAgain("server");
        int registered = log().length();
        writeNats("halt");
        await("another on.closed than it started with")
                .atMost(SOON)
                .until(() -> log().indexOf("nats_registered", registered) >= 0);
        Thread load = new Thread(() -> {
            try {
                karaf.execute("telemetry:simulate --vehicles 10 --rate 200 --seconds 60");
            } catch (RuntimeException e) {
                // Karaf goes down meanwhile.
            }
        });
        load.start();
        await().atMost(SOON).until(() -> karaf.execute("telemetry:status").out().contains("confirmed"));
        nats.reload(REFUSES);
        assertEquals(69, karaf.awaitExit(SOON));
        load.join();

        String log = log().substring(logged);
        assertTrue(
                log.matches(
                        "(?s).*\\| ERROR \\|[^\\n]*nats_closed datastore=nats error=\"Authorization Violation\"[^\\n]*"
                                + " on\\.closed=halt.*"),
                log);
        AirbrakeServer.Request report = airbrake.take(SOON);
        JsonObject notice = JsonParser.parseString(report.body()).getAsJsonObject();
        assertEquals(
                "nats_closed",
                notice.getAsJsonArray("errors")
                        .get(0)
                        .getAsJsonObject()
                        .get("message")
                        .getAsString());
        assertEquals(
                "Authorization Violation",
                notice.getAsJsonObject("params").get("cause").getAsString());
        assertFalse(report.body().contains("hush"));
        // In order: our bundles were stopped, not only cut off, and Karaf had the time to tidy up.
        assertTrue(log.contains("nats_err datastore=nats kind=CLOSED records="), log);
        assertTrue(pidFile().contains("item.0.pid = 0"), pidFile());
    }

    /** Without a limit of its own, Java takes a quarter of the machine's memory. */
    @Test
    @Order(4)
    void in_a_small_heap_log_and_status_say_that_the_limits_are_too_high() {
        karaf.maxMemory("128m");
        int logged = startAgain("daemon");
        String words = "records take 144 MiB of memory \\(2 x 64 MiB, the sum of inflight.max.bytes, and 1 x 16 MiB,"
                + " hold.max.bytes\\), which is more than two thirds of the heap of 12\\d MiB;"
                + " lower inflight.max.bytes or hold.max.bytes, or set a larger -Xmx in EXTRA_JAVA_OPTS";
        await().atMost(SOON)
                .until(
                        () -> log().substring(logged),
                        log -> log.matches("(?s).*\\| WARN  \\|[^\\n]*heap_too_small reason=\"[^\\n]*" + words + ".*"));
        String status = karaf.execute("telemetry:status").out();
        assertTrue(status.matches("(?s).*" + words + ".*"), status);
    }
}
