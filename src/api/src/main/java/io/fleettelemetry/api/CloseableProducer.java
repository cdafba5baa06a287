package io.fleettelemetry.api;

/** A producer that a {@link ProducerFactory} opened. The caller that opened it must close it. */
public interface CloseableProducer extends Producer, AutoCloseable {

    /**
     * Closes the producer. Records in flight have a limited time to be confirmed; the rest fail with
     * {@link Failure.Kind#CLOSED}. When this method returns, every record has ended, no receipt is called any more and
     * no thread is left. Later records are refused with {@code CLOSED}. A second call waits for the first one.
     *
     * <p>There are two exceptions. A call from within a receipt returns at once, because it cannot wait for itself; the
     * producer closes without it. And if a receipt does not return, this method waits for it only a few seconds.
     */
    @Override
    void close();
}
