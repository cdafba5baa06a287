package io.fleettelemetry.bench;

import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.NatsServerVersions;
import io.fleettelemetry.testkit.NatsServerVersions.Version;
import io.nats.client.api.StorageType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a record costs by the datastore, which confirms every one, beside what people write who have only jnats: a loop of
 * {@code Connection.publish}, which confirms none, or of {@code JetStream.publishAsync}. Prints a table, and draws what was
 * measured in streams.
 */
public final class PublishBench {

    private static final String SERVER = "jetstream { store_dir: $DIR }";
    private static final int SMALL = 300;
    private static final int LARGE = 2_048;

    private PublishBench() {}

    /** @param arguments how many rounds are measured, and the directory for what is written */
    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        Path directory = Files.createDirectories(Path.of(arguments[1]));
        List<Version> servers = servers();
        List<Comparison> core = new ArrayList<>();
        List<Comparison> stored = new ArrayList<>();
        Delay[] lone;
        try (NatsServer server = NatsServer.start(servers.get(0).program(), SERVER)) {
            Contestant bare = JnatsLoop.publish();
            Contestant ours = Datastore.core();
            Place place = new Place(server, servers.get(0).version(), null, SMALL);
            core.add(Comparison.of(place, rounds, List.of(bare, ours)));
            core.add(Comparison.of(place.of(LARGE), rounds, List.of(bare, ours)));
            lone = Delay.lone(place, ours, bare);
        }
        for (Version version : servers) {
            for (StorageType storage : List.of(StorageType.Memory, StorageType.File)) {
                for (int size : List.of(SMALL, LARGE)) {
                    try (NatsServer server = NatsServer.start(version.program(), SERVER)) {
                        Place place = new Place(server, version.version(), storage, size);
                        stored.add(Comparison.of(place, rounds, ways(place)));
                    }
                }
            }
        }
        write(directory.resolve("delivery-cost.svg"), Chart.of(stored));
        String table = Table.of(core) + "\n" + Table.of(stored);
        write(directory.resolve("delivery-cost.md"), table);
        System.out.println(table);
        System.out.printf(
                "a lone record is with a subscriber after %d us, 99 %% after %d us; by a bare publish %d us, %d us%n",
                lone[0].half(), lone[0].most(), lone[1].half(), lone[1].most());
    }

    /** The one that tests use, and the newest to be had. */
    private static List<Version> servers() {
        List<Version> all = NatsServerVersions.find(line -> System.out.println("servers: " + line));
        Version newest = all.get(all.size() - 1);
        return all.size() == 1 ? all : List.of(all.get(0), newest);
    }

    private static List<Contestant> ways(Place place) {
        Contestant bare = JnatsLoop.publishAsync(true);
        if (!place.hasBatches()) {
            return List.of(bare, Datastore.answers());
        }
        return List.of(
                bare,
                JnatsLoop.publishAsync(false),
                Datastore.answers(),
                Datastore.batches(true),
                Datastore.batches(false));
    }

    private static void write(Path file, String text) throws Exception {
        Files.writeString(file, text);
        System.out.println("written: " + file.toAbsolutePath());
    }
}
