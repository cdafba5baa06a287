/**
 * Reading of settings, for datastores and hosts alike: what an operator writes into a {@code .cfg} file becomes checked
 * values, or a list of everything that is wrong with it.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.api.settings;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
