package io.fleettelemetry.host.internal;

import java.util.List;

/**
 * The route of the records of one type.
 *
 * @param targets the targets in the order of dispatch, at least one
 * @param plan the data that all its records share
 * @param counts counts the records
 */
record Route(List<Target> targets, Dispatch.Plan plan, Counts.OfType counts) {}
