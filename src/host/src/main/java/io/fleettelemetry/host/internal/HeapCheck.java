package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import java.util.Collection;
import java.util.List;

/**
 * Compares the memory that the limits allow for records with the heap. A producer that reports its limit (the detail
 * {@value #DETAIL} of its status) has its records at most twice, as offered and as frames. The hold has them once.
 */
final class HeapCheck {

    /** The detail of a producer's status with its limit (bytes) on records that are accepted and have not ended. */
    static final String DETAIL = "in_flight_max_bytes";

    private static final long MIB = 1 << 20;

    private HeapCheck() {}

    /**
     * @param producers all producers, including those that stand by
     * @param holdMaxBytes limit (bytes) on one hold
     * @param holds number of datastores that the host may hold records for
     * @param heap size (bytes) of the heap
     * @return empty if records leave a third of the heap for everything else; otherwise one sentence with the numbers
     *     and the way out
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
