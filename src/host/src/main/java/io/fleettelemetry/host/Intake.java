package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The way in for the records of one {@link Source}: of one vehicle's connection, or of a gateway for many. Each has its
 * own line of answers, so a source that is slow to hear them delays no other.
 */
@ProviderType
public interface Intake extends AutoCloseable {

    /**
     * Hands a record to every datastore of its route. When this returns, each of them has the record or holds it, or
     * has refused it; what becomes of it then is said to the source. Callable by many threads at once; records of one
     * vehicle that are offered one after the other arrive in that order.
     *
     * <p>Returns at once, with two exceptions. If a datastore is full or absent and the memory for holding its records is
     * full too, it waits, at most {@code dispatch.wait.ms} for each such datastore; once that was in vain, nobody waits for
     * it again until it confirms something, and records that go to other datastores as well wait for it 5 % of the time at
     * most. And while the source has {@value #MAX_UNHEARD} answers to hear, it waits until the source has heard some.
     *
     * @param record what to deliver; its {@linkplain TelemetryRecord#context() context} belongs to the source
     * @throws IllegalStateException if the intake has been closed
     */
    void offer(TelemetryRecord record);

    /** How many answers a source may leave unheard before its offers wait. */
    int MAX_UNHEARD = 65_536;

    /**
     * Ends it: the vehicle is gone. Records that are on their way still go to their datastores, but the source hears no
     * more of them; a reliable ack that can no longer be passed on is counted as missed. Closing twice does nothing.
     */
    @Override
    void close();
}
