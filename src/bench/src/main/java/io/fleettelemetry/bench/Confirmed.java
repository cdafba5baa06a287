package io.fleettelemetry.bench;

import io.fleettelemetry.api.TelemetryRecord;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** What was confirmed. One thread tells it. */
class Confirmed {

    private static final long LOOK_NANOS = 1_000_000;

    private final AtomicLong count = new AtomicLong();
    private volatile String failure;

    /** The record with this number is confirmed. */
    void is(int number) {
        count.lazySet(count.get() + 1);
    }

    /** This record is confirmed; its txid is its number, which not every measurement needs to know. */
    void is(TelemetryRecord record) {
        count.lazySet(count.get() + 1);
    }

    /** A benchmark in which a record fails is worth nothing. */
    void failed(String why) {
        failure = why;
    }

    /** Waits until so many are confirmed. */
    void await(long enough) {
        while (count.get() < enough) {
            if (failure != null) {
                throw new IllegalStateException("a record has failed: " + failure);
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }
}
