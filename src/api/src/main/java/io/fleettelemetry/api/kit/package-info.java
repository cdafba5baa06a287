/**
 * Small things that several bundles need, written once. Nothing here knows of records or datastores.
 *
 * <p>Not imported by the API itself, which uses it too: so the API depends on no other bundle, nor on another release of its own.
 */
@Export(substitution = Export.Substitution.NOIMPORT)
@Version("1.0.0")
package io.fleettelemetry.api.kit;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
