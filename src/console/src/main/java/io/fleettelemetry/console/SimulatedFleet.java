package io.fleettelemetry.console;

import com.google.protobuf.Timestamp;
import io.fleettelemetry.api.TelemetryRecord;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * A simulated fleet: an endless sequence of records of vehicles that drive, charge, and now and then raise an alert,
 * report an error or lose their connection.
 *
 * <p>The vehicles take turns. The first four records are one of each type; of the rest most are {@code V}. The sequence
 * depends only on the constructor's arguments: the same arguments give the same bytes. All records differ, and
 * {@code created_at} rises strictly per VIN, because it is the time at which the record is due. Nothing here waits: the
 * caller keeps the pace with {@link #nextDueNanos}. Not thread-safe.
 */
public final class SimulatedFleet {

    /** The record types that a vehicle sends. */
    public static final List<String> RECORD_TYPES =
            List.of(Vehicle.DATA, Vehicle.ALERTS, Vehicle.ERRORS, Vehicle.CONNECTIVITY);

    /** The largest number of vehicles, which is the number of different VINs. */
    public static final int MAX_VEHICLES = Vin.COUNT;

    /** The largest rate, in records per second. */
    public static final int MAX_RATE = 1_000_000;

    private static final long SECOND = 1_000_000_000L;

    private final Vehicle[] vehicles;
    private final int rate;
    private final Instant start;
    // Upper half of every txid, so that runs with different arguments have different ones.
    private final long run;
    private long made;

    /**
     * @param vehicles number of vehicles, 1 to {@link #MAX_VEHICLES}
     * @param rate records per second over the whole fleet, 1 to {@link #MAX_RATE}
     * @param seed seed of the drives: another seed gives other drives
     * @param start the time at which the first record is due
     * @throws IllegalArgumentException if a number is out of its range
     */
    public SimulatedFleet(int vehicles, int rate, long seed, Instant start) {
        if (vehicles < 1 || vehicles > MAX_VEHICLES || rate < 1 || rate > MAX_RATE) {
            throw new IllegalArgumentException(vehicles + " vehicles at " + rate + " records per second");
        }
        SplittableRandom random = new SplittableRandom(seed);
        this.vehicles = new Vehicle[vehicles];
        for (int i = 0; i < vehicles; i++) {
            this.vehicles[i] = new Vehicle(Vin.of(i + 1), random.split());
        }
        this.rate = rate;
        this.start = start;
        this.run = random.nextLong() ^ start.getEpochSecond() * SECOND + start.getNano();
    }

    /** When the next record is due, in nanoseconds since the start. */
    public long nextDueNanos() {
        return made / rate * SECOND + made % rate * SECOND / rate;
    }

    /** The next record. */
    public TelemetryRecord next() {
        long due = nextDueNanos();
        Instant now = start.plusNanos(due);
        Vehicle vehicle = vehicles[(int) (made % vehicles.length)];
        String type = made < RECORD_TYPES.size() ? RECORD_TYPES.get((int) made) : vehicle.nextType();
        Timestamp createdAt = Timestamp.newBuilder()
                .setSeconds(now.getEpochSecond())
                .setNanos(now.getNano())
                .build();
        byte[] payload = vehicle.report(type, due / (double) SECOND, createdAt).toByteArray();
        String txid = new UUID(run, made).toString();
        made++;
        return Gateway.receive(vehicle.vin(), type, txid, payload, now.toEpochMilli());
    }
}
