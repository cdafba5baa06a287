package io.fleettelemetry.host.internal;

/** Exports metrics. */
interface Metrics extends AutoCloseable {

    /** What the status shows of it. */
    interface Shown {
        /**
         * @param address {@code host:port} of the endpoint; empty if there is none
         * @param problem why it is not where it should be, and the way out; empty if it is
         */
        void metrics(String address, String problem);
    }

    /**
     * Serves at this address from now on; port 0: not at all. One that cannot be had is logged and shown, not thrown, and
     * changes nothing until it can: it is tried again.
     */
    void listen(String host, int port);

    @Override
    void close();
}
