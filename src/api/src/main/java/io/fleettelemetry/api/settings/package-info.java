/**
 * Reads settings, for datastores and hosts. A {@code .cfg} file becomes checked values, or a list of all its problems.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.api.settings;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
