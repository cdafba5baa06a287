package io.fleettelemetry.api;

/** A producer that was opened by a {@link ProducerFactory} and belongs to whoever opened it. */
public interface CloseableProducer extends Producer, AutoCloseable {

    /**
     * Ends it: what is in flight gets a bounded time to be confirmed, the rest fails with
     * {@link Failure.Kind#CLOSED}. When this returns, every record has ended, no receipt is called any more and no
     * thread is left. Records offered from now on are refused with {@code CLOSED}. Closing twice does nothing.
     */
    @Override
    void close();
}
