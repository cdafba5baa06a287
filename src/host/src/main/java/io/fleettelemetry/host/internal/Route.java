package io.fleettelemetry.host.internal;

import java.util.List;

/**
 * Where the records of one type go.
 *
 * @param targets in the order of dispatch, at least one
 * @param ackSource the one whose confirmation is the vehicle's reliable ack; null if the type asks for none
 */
record Route(List<Target> targets, Target ackSource) {}
