/**
 * Small classes that several bundles need. None of them depends on records or datastores.
 *
 * <p>The API uses this package and does not import it, so the API depends on no other bundle and on no other release of
 * itself.
 */
@Export(substitution = Export.Substitution.NOIMPORT)
@Version("1.0.0")
package io.fleettelemetry.api.kit;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
