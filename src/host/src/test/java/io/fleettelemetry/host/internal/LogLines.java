package io.fleettelemetry.host.internal;

import io.fleettelemetry.testkit.CapturedLog;
import java.util.concurrent.CountDownLatch;

/** What this bundle logs while it is open, with the lines that are about to be written. */
final class LogLines extends CapturedLog {

    LogLines() {
        this(new CountDownLatch(0));
    }

    /** @param hangs until when nothing can be written */
    LogLines(CountDownLatch hangs) {
        super(hangs, () -> Own.awaitLog(20_000));
    }
}
