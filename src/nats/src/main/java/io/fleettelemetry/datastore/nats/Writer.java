package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.datastore.nats.Journal.Step;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread that writes: takes from the journal what is next, and brings it to the wire. */
final class Writer implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Writer.class);
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Journal journal;
    private final Step step = new Step();

    Writer(Journal journal) {
        this.journal = journal;
    }

    @Override
    public void run() {
        while (true) {
            try {
                journal.next(step);
            } catch (RuntimeException | Error e) { // a bug, or what is done at a changeover: records must still go out
                log.error("nats_error reason=\"the writer\"", e);
                LockSupport.parkNanos(this, PAUSE_NANOS);
                continue;
            }
            switch (step.kind) {
                case WRITE -> write();
                case PARK -> LockSupport.parkNanos(this, step.parkNanos);
                case STOP -> {
                    return;
                }
            }
        }
    }

    private void write() {
        try {
            for (int i = 0; i < step.rangeCount; i++) {
                step.wire.write(step.block.bytes, step.ranges[2 * i], step.ranges[2 * i + 1]);
            }
            journal.wrote(step);
        } catch (IOException | RuntimeException | Error e) {
            if (!(e instanceof IOException)) {
                log.error("nats_error reason=\"a write failed as it should not\"", e);
            }
            journal.failed(step);
            step.wire.cut(); // so that whoever keeps the connection learns of it, too
        }
    }
}
