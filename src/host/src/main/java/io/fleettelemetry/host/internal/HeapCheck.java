package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import java.util.Collection;
import java.util.List;

/**
 * Compares what the bounds let records take of the heap with the heap. A producer that says its bound (the detail
 * {@value #DETAIL} of its status) has its records twice at most, as offered and as frames; the hold has them once.
 */
final class HeapCheck {

    /** Name of the detail of a producer's status that is the bound, in bytes, of what it has accepted and not ended. */
    static final String DETAIL = "in_flight_max_bytes";

    private static final long MIB = 1 << 20;

    private HeapCheck() {}

    /**
     * @param producers all, those that stand by, too
     * @param holds how many datastores the host may hold records for
     * @return empty if records leave a third of the heap to everything else; else one sentence with the numbers and the way
     *     out
     */
    static List<String> problems(
            Collection<Ranking.Ranked<Producer>> producers, long holdMaxBytes, int holds, long heap) {
        double inFlight = producers.stream().mapToDouble(HeapCheck::bound).sum();
        double records = 2 * inFlight + (double) holdMaxBytes * holds;
        return records <= heap / 3.0 * 2
                ? List.of()
                : List.of(String.format(
                        "the limits let records take %.0f MiB of memory (2 x %.0f MiB, the sum of inflight.max.bytes, and"
                                + " %d x %.0f MiB, hold.max.bytes), which is more than two thirds of the heap of %.0f MiB;"
                                + " lower inflight.max.bytes or hold.max.bytes, or set a larger -Xmx in EXTRA_JAVA_OPTS, in bin/setenv",
                        records / MIB, inFlight / MIB, holds, (double) holdMaxBytes / MIB, (double) heap / MIB));
    }

    private static double bound(Ranking.Ranked<Producer> producer) {
        try {
            return Long.parseLong(ProducerStatus.of(producer.name(), producer.service())
                    .details()
                    .getOrDefault(DETAIL, "0"));
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
