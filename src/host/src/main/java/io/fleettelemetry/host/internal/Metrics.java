package io.fleettelemetry.host.internal;

/** Exports metrics. */
interface Metrics extends AutoCloseable {

    /** Shows the state of the metrics endpoint in the status. */
    interface Shown {
        /**
         * @param address {@code host:port} of the endpoint; empty if there is none
         * @param problem why the endpoint is not at the configured address, and the way out; empty if it is
         */
        void metrics(String address, String problem);
    }

    /**
     * Serves the metrics at this address from now on; port 0 means not at all. If the address cannot be opened, this is
     * logged and shown, nothing changes, and it is tried again.
     */
    void listen(String host, int port);

    @Override
    void close();
}
