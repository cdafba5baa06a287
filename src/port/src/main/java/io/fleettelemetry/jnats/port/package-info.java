/**
 * What carries the bytes of a jnats connection, in place of jnats' own data port.
 *
 * <p>A connection gets it by {@code Options.Builder.dataPortType(FramePort.class.getName())} and a
 * {@code connectionListener} that is a {@link io.fleettelemetry.jnats.port.PortOwner}.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.jnats.port;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
