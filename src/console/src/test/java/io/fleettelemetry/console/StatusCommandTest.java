package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.host.HostStatus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StatusCommandTest {

    private final Shell shell = new Shell();
    private final MemoryHost host = new MemoryHost();
    private final StatusCommand status = new StatusCommand();

    @Test
    void json_has_all_of_it() {
        host.status = degraded();
        status.json = true;
        Shell.Result result = shell.run(status, host);
        assertTrue(result.ok(), "it did what it was asked, whatever it has to say");
        assertEquals(JsonParser.parseString("""
                        {
                          "routes": {"V": ["nats", "logger"], "alerts": ["nats"]},
                          "reliable_ack_sources": {"V": "nats"},
                          "problems": ["records.errors: \\"a b\\" is no token"],
                          "metrics_address": "127.0.0.1:9090",
                          "datastores": [
                            {
                              "name": "logger", "present": false, "routed": true,
                              "state": "CRITICAL", "summary": "no bundle offers it", "details": {},
                              "offered": 7, "confirmed": 0, "failed": 0, "held_records": 7, "held_bytes": 700
                            },
                            {
                              "name": "nats", "present": true, "routed": false,
                              "state": "WARN", "summary": "reconnecting <1>", "details": {"server": "a:1", "z": "2"},
                              "offered": 10, "confirmed": 8, "failed": 1, "held_records": 0, "held_bytes": 0
                            }
                          ]
                        }
                        """), result.json());
        assertTrue(result.out().contains("<1>"), "readable as it is");
        assertEquals(1, result.out().lines().count());
    }

    @Test
    void people_see_routes_datastores_metrics_and_problems() {
        host.status = degraded();
        assertEquals("""
                        Routes
                          V                         nats, logger (reliable ack: nats)
                          alerts                    nats
                        Datastore logger
                          state                     CRITICAL (absent)
                          summary                   no bundle offers it
                          offered                   7
                          confirmed                 0
                          failed                    0
                          held                      7 records, 700 bytes
                        Datastore nats (no route)
                          state                     WARN
                          summary                   reconnecting <1>
                          server                    a:1
                          z                         2
                          offered                   10
                          confirmed                 8
                          failed                    1
                          held                      0 records, 0 bytes
                        Metrics
                          http://127.0.0.1:9090/metrics
                        Problems
                          records.errors: "a b" is no token
                        """, shell.run(status, host).out());
    }

    @Test
    void a_host_without_anything_says_so() {
        assertEquals("""
                        Routes
                          none: every record fails
                        Metrics
                          none
                        Problems
                          none
                        """, shell.run(status, host).out());
    }

    private static HostStatus degraded() {
        Map<String, List<String>> routes = new LinkedHashMap<>();
        routes.put("V", List.of("nats", "logger"));
        routes.put("alerts", List.of("nats"));
        Map<String, String> details = new LinkedHashMap<>();
        details.put("server", "a:1");
        details.put("z", "2");
        Status absent = new Status(Status.State.CRITICAL, "no bundle offers it", Map.of());
        Status reconnecting = new Status(Status.State.WARN, "reconnecting <1>", details);
        return new HostStatus(
                routes,
                Map.of("V", "nats"),
                List.of("records.errors: \"a b\" is no token"),
                "127.0.0.1:9090",
                List.of(
                        new HostStatus.Datastore("logger", false, true, absent, 7, 0, 0, 7, 700),
                        new HostStatus.Datastore("nats", true, false, reconnecting, 10, 8, 1, 0, 0)));
    }
}
