/**
 * The environment of tests: a real {@linkplain io.fleettelemetry.testkit.NatsServer nats-server} or a
 * {@linkplain io.fleettelemetry.testkit.NatsCluster cluster}, a {@linkplain io.fleettelemetry.testkit.Link link} that
 * can be broken, a {@linkplain io.fleettelemetry.testkit.KarafProcess Karaf process}, a
 * {@linkplain io.fleettelemetry.testkit.JavaProcess JVM}, and
 * {@linkplain io.fleettelemetry.testkit.TestCa certificates}. All of them use 127.0.0.1 and free ports, and end with
 * the test.
 */
package io.fleettelemetry.testkit;
