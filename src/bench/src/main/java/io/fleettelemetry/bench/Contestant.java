package io.fleettelemetry.bench;

/** A way to publish that is compared with others. */
record Contestant(String name, Opener opener) {

    /** Connects. */
    interface Opener {

        /**
         * @param distinct how many records differ: a confirmation tells a record's number if it is less
         * @param confirmed is told what is confirmed
         */
        Publisher open(Place place, int distinct, Confirmed confirmed) throws Exception;
    }

    /** A connection that publishes. For one thread. */
    interface Publisher extends AutoCloseable {

        /** Publishes the record with this number; waits while too many are without their confirmation. */
        void publish(int number) throws Exception;

        /** Waits until so many records have been confirmed, of all that were published. */
        void await(long records) throws Exception;

        @Override
        void close();
    }

    Publisher open(Place place, int distinct, Confirmed confirmed) throws Exception {
        return opener.open(place, distinct, confirmed);
    }
}
