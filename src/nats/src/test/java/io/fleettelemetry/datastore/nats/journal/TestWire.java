package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.jnats.port.Refusals;
import java.util.concurrent.atomic.AtomicInteger;

/** A wire that takes everything, refuses nothing, and answers every barrier as the test says. */
class TestWire implements Wire {

    private final Verdict answer;
    private final AtomicInteger judged = new AtomicInteger();
    final AtomicInteger barriers = new AtomicInteger();
    final AtomicInteger cuts = new AtomicInteger();
    /** Bytes. */
    volatile int written;

    /** One that answers no barrier. */
    TestWire() {
        this(Verdict.PENDING);
    }

    TestWire(Verdict answer) {
        this.answer = answer;
    }

    @Override
    public void write(byte[] frames, int from, int to) {
        written += to - from;
    }

    @Override
    public void ping(Runnable answered) {
        barriers.incrementAndGet();
        answered.run();
    }

    @Override
    public Verdict verdict() {
        return barriers.get() > judged.get() && judged.incrementAndGet() > 0 ? answer : Verdict.PENDING;
    }

    @Override
    public Refusals refused() {
        return Refusals.NONE;
    }

    @Override
    public String fatalBefore() {
        return null;
    }

    @Override
    public void cut() {
        cuts.incrementAndGet();
    }

    @Override
    public long maxPayload() {
        return 1_000_000;
    }

    @Override
    public boolean takesHeaders() {
        return true;
    }
}
