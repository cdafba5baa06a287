/**
 * The host's interfaces for the bundles that offer records: gateways and commands.
 *
 * <p>The host is the service {@link io.fleettelemetry.host.TelemetryHost}. Datastores do not need this package: they
 * and the host use {@code io.fleettelemetry.api}.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.host;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
