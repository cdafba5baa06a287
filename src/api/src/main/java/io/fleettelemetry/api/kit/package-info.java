/**
 * Small things that several bundles need, written once. Nothing here knows of records or datastores.
 */
@Export
@Version("1.0.0")
package io.fleettelemetry.api.kit;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
