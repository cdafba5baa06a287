/**
 * The interfaces between a datastore and its host.
 *
 * <p>A <em>host</em> receives {@linkplain io.fleettelemetry.api.TelemetryRecord records} from vehicles and hands them
 * to <em>datastores</em>. A datastore is a named {@link io.fleettelemetry.api.Producer}: in OSGi a service with the
 * property {@value io.fleettelemetry.api.Producer#DATASTORE}, elsewhere what a
 * {@link io.fleettelemetry.api.ProducerFactory} opens. For each record the producer answers, exactly once, to the
 * {@link io.fleettelemetry.api.Receipt} that came with it. A datastore that withdraws its producer for a time reports
 * its state with a {@link io.fleettelemetry.api.Health}.
 *
 * <p>To write a datastore, implement {@code Producer}; the rules are in its description.
 */
@Export(substitution = Export.Substitution.NOIMPORT)
@Version("1.0.0")
package io.fleettelemetry.api;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
