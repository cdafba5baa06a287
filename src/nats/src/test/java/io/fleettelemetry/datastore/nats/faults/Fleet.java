package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.api.TelemetryRecord;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;

/**
 * The vehicles of a load and the records that they send: each carries its number, and every byte of it follows from that, so
 * what arrives is either exactly one of them or alien.
 *
 * @param namespace first part of the subjects
 * @param vehicles how many there are, numbered from 0
 * @param bytes of a payload, at least {@value #HEAD}
 * @param largeBytes of every {@value #LARGE_EVERY}th payload of a vehicle
 */
record Fleet(String namespace, int vehicles, int bytes, int largeBytes) {

    /** Vehicle and number stand at the head of a payload. */
    static final int HEAD = 8;

    static final int LARGE_EVERY = 97;

    /** What is no record of this fleet. */
    static final long ALIEN = -1;

    static final Fleet USUAL = new Fleet("faults", 100, 300, 300);

    String vin(int vehicle) {
        return String.format("5YJ3E1EA1NF%06d", vehicle);
    }

    String subject(int vehicle) {
        return namespace + '.' + vin(vehicle) + ".data";
    }

    boolean isLarge(long id) {
        return number(id) % LARGE_EVERY == LARGE_EVERY - 1;
    }

    /** The record of an {@linkplain #id id}. */
    TelemetryRecord record(long id) {
        return TelemetryRecord.of(vin(vehicle(id)), "V", Long.toString(id), payload(id), Map.of());
    }

    private byte[] payload(long id) {
        byte[] payload = new byte[isLarge(id) ? largeBytes : bytes];
        ByteBuffer.wrap(payload).putInt(vehicle(id)).putInt(number(id));
        for (int i = HEAD; i < payload.length; i++) {
            payload[i] = (byte) (31 * vehicle(id) + 7 * number(id) + i);
        }
        return payload;
    }

    /** The id of a record that was made here. */
    static long id(TelemetryRecord record) {
        return ByteBuffer.wrap(record.payload()).getLong();
    }

    /** The id of the record that is the payload of a message, to the last byte; {@link #ALIEN} if none is. */
    long id(String subject, byte[] payload) {
        if (payload.length < HEAD) {
            return ALIEN;
        }
        long id = ByteBuffer.wrap(payload).getLong();
        boolean ours = vehicle(id) >= 0
                && vehicle(id) < vehicles
                && number(id) >= 0
                && subject.equals(subject(vehicle(id)))
                && Arrays.equals(payload, payload(id));
        return ours ? id : ALIEN;
    }

    static long id(int vehicle, int number) {
        return (long) vehicle << 32 | number;
    }

    static int vehicle(long id) {
        return (int) (id >> 32);
    }

    static int number(long id) {
        return (int) id;
    }
}
