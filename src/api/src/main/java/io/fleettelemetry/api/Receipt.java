package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * A producer tells the receipt how each record ended. It calls exactly one of the two methods, once per record.
 *
 * <p>Implementations must not block. The producer calls them on its one completion thread. If it refuses a record, it
 * calls them on the thread that offered the record. If it is closed, the thread that closes it may call them for the
 * remaining records. The producer holds no lock in the meantime, so an implementation may offer another record. If a
 * method throws an exception, the producer logs it and continues.
 */
@ConsumerType
public interface Receipt {

    /**
     * The record is at its destination.
     *
     * @param record the same object that was given to {@link Producer#produce}
     * @return true if the vehicle was sent a reliable ack because of this call; only the producer's metrics use it
     */
    boolean confirmed(TelemetryRecord record);

    /**
     * The record is not known to be at its destination, and the producer will not try again.
     *
     * @param record the same object that was given to {@link Producer#produce}
     * @param why the reason
     */
    void failed(TelemetryRecord record, Failure why);
}
