/**
 * What tests run against: a real {@linkplain io.fleettelemetry.testkit.NatsServer nats-server} and a
 * {@linkplain io.fleettelemetry.testkit.KarafProcess Karaf process}, on 127.0.0.1 and free ports, gone when the test is;
 * and {@linkplain io.fleettelemetry.testkit.TestCa certificates} for them.
 */
package io.fleettelemetry.testkit;
