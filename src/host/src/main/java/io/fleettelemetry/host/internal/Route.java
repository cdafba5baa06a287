package io.fleettelemetry.host.internal;

import java.util.List;

/**
 * Where the records of one type go, and where they are counted.
 *
 * @param targets in the order of dispatch, at least one
 * @param ackSource the one whose confirmation is the vehicle's reliable ack; null if the type asks for none
 * @param acks counts those acks; null with the source
 * @param counts counts the records
 */
record Route(List<Target> targets, Target ackSource, Counts.OfAcks acks, Counts.OfType counts) {}
