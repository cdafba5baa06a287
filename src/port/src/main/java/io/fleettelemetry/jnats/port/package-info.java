/**
 * A data port for jnats connections, which carries frames of its user as well.
 *
 * <p>To use it for a connection, set {@code Options.Builder.dataPortType(FramePort.class.getName())} and a
 * {@code connectionListener} that is a {@link io.fleettelemetry.jnats.port.PortOwner}.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.jnats.port;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
