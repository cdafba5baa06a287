package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * Makes the encoders of frames that settings ask for.
 *
 * @param id with it begin the message ids of this datastore in this process
 */
record Encoders(String id) {

    /**
     * @param inbox JetStream: what the subjects of its answers begin with
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
