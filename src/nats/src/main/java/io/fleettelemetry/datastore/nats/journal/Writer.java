package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.logging.Logs;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/** The one thread that writes: it gets its next step from the journal, and writes it to the wire. */
public final class Writer implements Runnable {

    private static final Log log = Logs.of(Writer.class);

    private final Journal journal;
    private final Step step = new Step();
    private final RepeatedLog bugs = new RepeatedLog();

    public Writer(Journal journal) {
        this.journal = journal;
    }

    @Override
    public void run() {
        Loop.run(this::round, this::bug);
    }

    private boolean round() {
        journal.next(step);
        if (step.ping != null) {
            ping();
        }
        switch (step.kind) {
            case WRITE -> write();
            case PARK -> LockSupport.parkNanos(this, step.parkNanos);
            case STOP -> {
                return false;
            }
        }
        return true;
    }

    /** Begins a barrier, before any further frames are written. */
    private void ping() {
        Wire wire = step.ping;
        step.ping = null;
        boolean written = false;
        try {
            if (step.answerEach) {
                wire.answerEach();
            }
            wire.ping(journal.barrierAnswered());
            written = true;
        } catch (IOException e) {
            // As below. The confirmer finds the wire closed.
        } finally {
            if (!written) {
                wire.cut();
            }
        }
    }

    private void write() {
        boolean written = false;
        try {
            step.wire.mayKeep(step.mayKeep);
            for (int i = 0; i < step.rangeCount; i++) {
                step.wire.write(step.block.bytes, step.ranges[2 * i], step.ranges[2 * i + 1]);
            }
            journal.wrote(step);
            written = true;
        } catch (IOException e) {
            // The link is gone. The session knows why.
        } finally {
            if (!written) { // whatever was thrown: there may be no memory to report it
                journal.failed(step);
                step.wire.cut(); // so that the session notices it, too
            }
        }
    }

    private void bug(Throwable e) {
        bugs.write(leftOut -> log.error(
                "nats_internal_error datastore={} reason=\"internal error in the writer\" left_out={}",
                journal.settings().datastore(),
                leftOut,
                e));
    }
}
