package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.JavaProcess;
import io.fleettelemetry.testkit.Link;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A program that offers records until it is killed, and writes down which it offered and which were confirmed, each before
 * it goes on: what was written outlives the process.
 */
final class Mortal {

    static final String DATASTORE = "datastore";
    static final String BARE = "bare";

    private static final int RATE = 10_000;
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration FOR_EVER = Duration.ofDays(1);
    private static final String OFFERED = "offered";
    private static final String CONFIRMED = "confirmed";

    private Mortal() {}

    /**
     * Lets a JVM offer through a link, and kills it with SIGKILL when much is in flight: some time after nothing moves on
     * the link any more. What the system still had to send for it is gone, too, as if the whole machine had died.
     *
     * @param producer {@link #DATASTORE} or {@link #BARE}
     * @param confirmed how many records, before the link freezes
     */
    static void runAndKill(String producer, Link link, Path directory, long confirmed) {
        try (JavaProcess mortal = JavaProcess.start(Mortal.class, producer, link.url(), directory.toString())) {
            awaitIds(mortal, () -> confirmed(directory), confirmed);
            link.freeze(FOR_EVER);
            awaitIds(mortal, () -> offered(directory), offered(directory).size() + RATE / 2);
        }
        link.cut(Link.Cut.RST);
    }

    private static void awaitIds(JavaProcess mortal, Supplier<Ids> ids, long enough) {
        await().atMost(LIMIT).until(() -> !mortal.isRunning() || ids.get().size() >= enough);
        if (!mortal.isRunning()) {
            throw new IllegalStateException("it died by itself: " + mortal.output());
        }
    }

    /** What was offered in this directory; while the process runs, so far. */
    static Ids offered(Path directory) {
        return read(directory.resolve(OFFERED));
    }

    /** What was confirmed. */
    static Ids confirmed(Path directory) {
        return read(directory.resolve(CONFIRMED));
    }

    /** Arguments: which producer, the URL of the server, and a directory. */
    public static void main(String[] arguments) throws InterruptedException {
        Map<String, String> settings = Map.of("url", arguments[1], "namespace", Fleet.USUAL.namespace());
        Path directory = Path.of(arguments[2]);
        Producer producer =
                arguments[0].equals(BARE) ? BareLoop.open(settings) : new NatsProducerFactory().open(settings);
        IdFile offered = new IdFile(directory.resolve(OFFERED));
        IdFile confirmed = new IdFile(directory.resolve(CONFIRMED));
        Producer recorded = (record, receipt) -> {
            offered.add(record);
            producer.produce(record, new Receipt() {
                @Override
                public boolean confirmed(TelemetryRecord theSame) {
                    confirmed.add(theSame);
                    return receipt.confirmed(theSame);
                }

                @Override
                public void failed(TelemetryRecord theSame, Failure why) {
                    receipt.failed(theSame, why);
                }
            });
        };
        new Load(recorded, Fleet.USUAL, RATE, true).start();
        Thread.currentThread().join();
    }

    private static Ids read(Path file) {
        try {
            Ids ids = new Ids(Fleet.USUAL);
            ByteBuffer bytes = ByteBuffer.wrap(Files.exists(file) ? Files.readAllBytes(file) : new byte[0]);
            while (bytes.remaining() >= Long.BYTES) {
                ids.add(bytes.getLong());
            }
            return ids;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ids in a file, eight bytes each, appended by one call to the system each. */
    private static final class IdFile {

        private final FileChannel channel;

        IdFile(Path file) {
            try {
                channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void add(TelemetryRecord record) {
            try {
                channel.write(ByteBuffer.allocate(Long.BYTES).putLong(0, Fleet.id(record)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
