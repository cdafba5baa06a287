package io.fleettelemetry.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class NatsClusterTest {

    @Test
    void three_servers_with_jetstream_come_together_and_do_so_again_when_one_was_killed() {
        try (var cluster = NatsCluster.start(3, "jetstream { store_dir: $DIR }")) {
            assertEquals(3, cluster.servers().size());
            for (int i = 1; i <= 3; i++) {
                assertEquals(cluster.servers().get(i - 1), cluster.server("n" + i));
                assertTrue(cluster.server("n" + i).log().contains("Name:     n" + i));
            }
            cluster.server("n2").kill();
            cluster.server("n2").restart();
            cluster.awaitTogether();
        }
    }
}
