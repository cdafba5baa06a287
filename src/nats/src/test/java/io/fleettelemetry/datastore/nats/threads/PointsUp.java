package io.fleettelemetry.datastore.nats.threads;

import io.fleettelemetry.datastore.nats.Feed;

/** What no class in this package may do. {@code RoomsTest} must find it. */
public final class PointsUp {

    Feed up;
}
