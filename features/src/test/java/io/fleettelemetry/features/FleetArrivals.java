package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import io.fleettelemetry.examples.Subscriber;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.Nats;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What one datastore got of a simulated fleet, by a subscriber on a connection of its own, or from the log. A fleet of at
 * most 1,000 records a second gives each a millisecond of its own as the time of its creation: so that is a record's number.
 */
final class FleetArrivals implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    /** Stock Karaf writes the first 500 characters of a message, so that the JSON has no end. */
    private static final Pattern LOG_LINE = Pattern.compile(
            "(?m)^(\\S+) \\|.*\\| record_payload \\{\"vin\":\"(\\w+)\".*\"receivedat\":\"(\\d+)\".*\"txtype\":\"V\"");

    private final Connection connection;
    private final String namespace;
    private final Set<Long> numbers = new HashSet<>();
    private final Set<Long> dataNumbers = new HashSet<>();
    private final Map<String, Long> highest = new HashMap<>();
    private final List<Long> times = new ArrayList<>();
    private long messages;
    private long outOfOrder;
    private boolean atEnd;

    private FleetArrivals(Connection connection, String namespace) {
        this.connection = connection;
        this.namespace = namespace;
    }

    /** Subscribes to everything below a namespace; returns when the server has the subscription. */
    static FleetArrivals at(String url, String namespace) throws Exception {
        FleetArrivals arrivals = new FleetArrivals(Nats.connect(url), namespace);
        Dispatcher dispatcher = arrivals.connection.createDispatcher(arrivals::note);
        dispatcher.setPendingLimits(-1, -1);
        dispatcher.subscribe(namespace + ".>");
        arrivals.connection.flush(LIMIT);
        return arrivals;
    }

    /** What the logger datastore has written. */
    static FleetArrivals in(String log) {
        FleetArrivals arrivals = new FleetArrivals(null, "");
        Matcher lines = LOG_LINE.matcher(log);
        while (lines.find()) {
            arrivals.note(lines.group(2), Long.parseLong(lines.group(3)), true, millis(lines.group(1)));
        }
        return arrivals;
    }

    /** The time of a line in Karaf's log, in ms since the epoch. */
    static long millis(String logged) {
        return LocalDateTime.parse(logged.replace(',', '.'))
                .atZone(ZoneId.systemDefault())
                .toInstant()
                .toEpochMilli();
    }

    private void note(Message message) {
        long now = System.currentTimeMillis();
        String subject = message.getSubject();
        if (subject.equals(end())) {
            synchronized (this) {
                atEnd = true;
            }
            return;
        }
        try {
            var record = Subscriber.decode(subject, message.getData());
            var fields = record.getDescriptorForType();
            Timestamp created = (Timestamp) record.getField(fields.findFieldByName("created_at"));
            long number = created.getSeconds() * 1_000 + created.getNanos() / 1_000_000;
            note((String) record.getField(fields.findFieldByName("vin")), number, subject.endsWith(".data"), now);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
    }

    private synchronized void note(String vin, long number, boolean isData, long time) {
        messages++;
        if (isData) {
            times.add(time);
            dataNumbers.add(number);
        }
        if (numbers.add(number) && highest.merge(vin, number, Math::max) > number) {
            outOfOrder++;
        }
    }

    private String end() {
        return namespace + ".end";
    }

    /** Waits until everything is here that the server has: a message of one's own comes behind it. */
    FleetArrivals awaitAll() {
        if (connection != null) {
            connection.publish(end(), new byte[0]);
            await("the last message").atMost(LIMIT).until(this::isAtEnd);
        }
        return this;
    }

    private synchronized boolean isAtEnd() {
        return atEnd;
    }

    /** The numbers of all records. */
    synchronized Set<Long> numbers() {
        return Set.copyOf(numbers);
    }

    /** The numbers of its V records. */
    synchronized Set<Long> dataNumbers() {
        return Set.copyOf(dataNumbers);
    }

    synchronized long messages() {
        return messages;
    }

    /** When the first V record came at or after a time, in ms since the epoch; 0 if none did. */
    synchronized long firstDataSince(long time) {
        return times.stream().filter(at -> at >= time).findFirst().orElse(0L);
    }

    /** When the last V record came, in ms since the epoch; 0 if none did. */
    synchronized long lastData() {
        return times.isEmpty() ? 0 : times.get(times.size() - 1);
    }

    /** How many V records came between two times. */
    synchronized long dataBetween(long from, long to) {
        return times.stream().filter(at -> at >= from && at < to).count();
    }

    /** Each record once, and those of a vehicle in the order of their creation. */
    void assertOrderly(String where) {
        assertEquals(0, outOfOrder, "records that were overtaken, " + where);
        assertEquals(numbers().size(), messages(), "messages and different ones among them, " + where);
    }

    @Override
    public void close() throws InterruptedException {
        if (connection != null) {
            connection.close();
        }
    }
}
