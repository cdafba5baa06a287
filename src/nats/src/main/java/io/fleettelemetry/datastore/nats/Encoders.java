package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * Makes the frame encoders for settings.
 *
 * @param id the beginning of this datastore's message ids in this process
 */
record Encoders(String id) {

    /**
     * @param inbox JetStream: the beginning of the subjects of its answers
     * @param batches whether records go out in batches
     */
    FrameEncoder encoder(NatsSettings settings, String inbox, boolean batches) {
        Delivery delivery = settings.delivery();
        return new FrameEncoder(
                new Subjects(settings.namespace()),
                delivery.messageIds() ? id + "-" : "",
                delivery.isJetStream() ? inbox : "",
                batches);
    }
}
