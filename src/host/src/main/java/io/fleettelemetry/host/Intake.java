package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Takes the records of one {@link Source}, which is one vehicle's connection or a gateway for many vehicles. Each
 * intake has its own queue of answers, so a slow source delays no other source.
 */
@ProviderType
public interface Intake extends AutoCloseable {

    /**
     * Hands a record to every datastore of its route. When this returns, each datastore has accepted or refused the
     * record, or the host holds it. The source is told how the record ends. Many threads may call this at once. Records
     * of one vehicle that are offered one after the other arrive in that order.
     *
     * <p>This method returns at once, with two exceptions:
     *
     * <ul>
     *   <li>A datastore is full or absent, and its hold is full as well. The call then waits for room, at most
     *       {@code dispatch.wait.ms} for each such datastore. If there is no room in time, later calls do not wait
     *       until the datastore confirms something. Calls whose record also goes to other datastores wait at most 5 %
     *       of the time.
     *   <li>{@value #MAX_UNHEARD} answers wait for the source. The call then waits until the source has taken some.
     * </ul>
     *
     * @param record the record to deliver; its {@linkplain TelemetryRecord#context() context} belongs to the source
     * @throws IllegalStateException if the intake has been closed
     */
    void offer(TelemetryRecord record);

    /** Limit on the answers that wait for a source; at the limit, its offers wait. */
    int MAX_UNHEARD = 65_536;

    /**
     * Closes the intake, because the vehicle is gone. Records on the way still go to their datastores, but the source
     * gets no more answers. A reliable ack that can no longer be passed on is counted as missed. A second call has no
     * effect.
     */
    @Override
    void close();
}
