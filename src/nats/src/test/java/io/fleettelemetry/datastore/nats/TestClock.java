package io.fleettelemetry.datastore.nats;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** A clock that goes as the machine's does, and jumps ahead when told to. */
final class TestClock implements LongSupplier {

    private final AtomicLong ahead = new AtomicLong();

    @Override
    public long getAsLong() {
        return System.nanoTime() + ahead.get();
    }

    void pass(Duration time) {
        ahead.addAndGet(time.toNanos());
    }
}
