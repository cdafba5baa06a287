package io.fleettelemetry.host.internal;

import java.util.List;

/**
 * Where the records of one type go, and where they are counted.
 *
 * @param targets in the order of dispatch, at least one
 * @param plan what each of its records needs to know
 * @param counts counts the records
 */
record Route(List<Target> targets, Dispatch.Plan plan, Counts.OfType counts) {}
