package io.fleettelemetry.api;

/** A producer that was opened by a {@link ProducerFactory} and belongs to whoever opened it. */
public interface CloseableProducer extends Producer, AutoCloseable {

    /**
     * Ends it: what is in flight gets a bounded time to be confirmed, the rest fails with
     * {@link Failure.Kind#CLOSED}. When this returns, every record has ended, no receipt is called any more and no
     * thread is left. Records offered from now on are refused with {@code CLOSED}. A second close waits for the first.
     *
     * <p>Two exceptions, because nobody can wait for himself: called from within a receipt, it returns at once, and the rest
     * ends without it; and a receipt that does not return is waited for a few seconds only.
     */
    @Override
    void close();
}
