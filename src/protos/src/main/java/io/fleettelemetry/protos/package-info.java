/**
 * The messages that vehicles send, generated from the {@code .proto} files that lie at the root of this jar.
 *
 * <p>Which message a record's payload is depends on the record type:
 *
 * <ul>
 *   <li>{@code V}: {@link io.fleettelemetry.protos.Payload}
 *   <li>{@code alerts}: {@link io.fleettelemetry.protos.VehicleAlerts}
 *   <li>{@code errors}: {@link io.fleettelemetry.protos.VehicleErrors}
 *   <li>{@code connectivity}: {@link io.fleettelemetry.protos.VehicleConnectivity}
 * </ul>
 *
 * <p>Newer vehicles may send fields and enum numbers that are unknown here; protobuf keeps both.
 */
@Export
@Version("1.1.0")
package io.fleettelemetry.protos;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
