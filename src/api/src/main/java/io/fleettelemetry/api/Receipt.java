package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Where a producer says what became of a record. Exactly one of the two methods is called, once per record.
 *
 * <p>Implementations must not block. They are called on the producer's one completion thread, or, for a refusal, on the
 * thread that offered the record, or, for what a producer could not end, on the thread that closes it; and never under a
 * lock, so offering another record from here is allowed. An exception
 * thrown from here is logged by the producer and stops nothing.
 */
@ConsumerType
public interface Receipt {

    /**
     * The record is at its destination.
     *
     * @param record the object that was given to {@link Producer#produce}
     * @return true if a reliable ack went out to the vehicle because of this; for the producer's metrics only
     */
    boolean confirmed(TelemetryRecord record);

    /**
     * The record is not known to be at its destination, and the producer will not try again.
     *
     * @param record the object that was given to {@link Producer#produce}
     * @param why what happened
     */
    void failed(TelemetryRecord record, Failure why);
}
