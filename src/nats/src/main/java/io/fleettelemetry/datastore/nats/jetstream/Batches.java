package io.fleettelemetry.datastore.nats.jetstream;

/**
 * Whether records can go to a stream in batches.
 *
 * @param stream the stream; empty if they cannot
 * @param whyNot why they cannot, and the way out if there is one; empty if they can
 */
record Batches(String stream, String whyNot) {

    static Batches to(String stream) {
        return new Batches(stream, "");
    }

    static Batches no(String why) {
        return new Batches("", why);
    }
}
