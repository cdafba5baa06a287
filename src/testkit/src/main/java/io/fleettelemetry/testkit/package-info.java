/**
 * What tests run against: a real {@linkplain io.fleettelemetry.testkit.NatsServer nats-server} or
 * {@linkplain io.fleettelemetry.testkit.NatsCluster several}, a {@linkplain io.fleettelemetry.testkit.Link link} that
 * breaks, a {@linkplain io.fleettelemetry.testkit.KarafProcess Karaf process}, a
 * {@linkplain io.fleettelemetry.testkit.JavaProcess JVM}, and {@linkplain io.fleettelemetry.testkit.TestCa certificates}
 * for them; on 127.0.0.1 and free ports, gone when the test is.
 */
package io.fleettelemetry.testkit;
