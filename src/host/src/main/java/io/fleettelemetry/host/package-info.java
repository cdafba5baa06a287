/**
 * The host as those see it who bring records: gateways, commands.
 *
 * <p>The host is the service {@link io.fleettelemetry.host.TelemetryHost}. Datastores do not need this package: what
 * they and the host say to each other is {@code io.fleettelemetry.api}.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.host;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
